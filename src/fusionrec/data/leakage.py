"""Proofs that a split leaks nothing, looked up in the labels themselves.

`check` holds for every strategy. The other functions are for the strategies, each of which proves what it
promises.
"""

import numpy as np

from fusionrec.data.split_labels import FOLD_IN, PARTS, TEST, TRAIN, VAL, Log

AGE = np.array([1, 2, 3, 0], np.int8)  # of a label: fold-in interactions precede those to be predicted


def check(labels: np.ndarray, log: Log, folds_in: bool) -> None:
    """Prove that the parts are complete and disjoint, and that only those strategies fold in that say so.

    Args:
        labels: int8 [n], positions in `PARTS`.
        log: the whole log.
        folds_in: whether the strategy may label interactions FOLD_IN.

    Raises:
        AssertionError: if something leaks, which is a bug in the code and not in the data.
    """
    assert labels.shape == log.user.shape, "not every interaction has one label"
    assert labels.min() >= 0 and labels.max() < len(PARTS), "a label is none of train, val, test, fold_in"
    _check_pairs(log)
    if not folds_in:
        assert not (labels == FOLD_IN).any(), "the strategy folds in, but does not say so"


def _check_pairs(log: Log) -> None:
    """A pair that the log has twice could be in train and in test."""
    pair = np.sort(log.user.astype(np.int64) * (int(log.item.max(initial=0)) + 1) + log.item)
    assert (pair[1:] > pair[:-1]).all(), "a pair is in the log twice"


def check_histories(labels: np.ndarray, log: Log, least: int) -> None:
    """Prove that every evaluated user has at least `least` interactions, and at least one of them in train.

    Args:
        labels: int8 [n], positions in `PARTS`.
        log: the whole log.
        least: number of interactions.

    Raises:
        AssertionError: if not.
    """
    held_out = (labels == VAL) | (labels == TEST)
    few = np.bincount(log.user) < least
    assert not few[log.user[held_out]].any(), "a user with too few interactions is evaluated"
    check_known(log.user, held_out, labels == TRAIN, "a user without train interactions is evaluated")


def check_known(group: np.ndarray, asked: np.ndarray, known: np.ndarray, message: str) -> None:
    """Prove that every group (int [n]) with an interaction in `asked` has one in `known`, both bool [n].

    Raises:
        AssertionError: with `message`, if not.
    """
    assert not (has(group, asked) & ~has(group, known)).any(), message


def check_order(labels: np.ndarray, log: Log) -> None:
    """Prove that no interaction of a user precedes one of an earlier part, in the log's canonical order.

    Args:
        labels: int8 [n], positions in `PARTS`.
        log: the whole log.

    Raises:
        AssertionError: if not.
    """
    age = AGE[labels]
    backwards = (age[1:] < age[:-1]) & (log.user[1:] == log.user[:-1])
    assert not backwards.any(), "a later interaction of a user is in an earlier part"


def check_disjoint(ids: np.ndarray, labels: np.ndarray, parts: tuple[int, ...], message: str) -> None:
    """Prove that no id (int [n]) has interactions in two of `parts`, by the labels, int8 [n].

    Raises:
        AssertionError: with `message`, if not.
    """
    length = int(ids.max(initial=0)) + 1
    sides = sum(np.bincount(ids[labels == part], minlength=length) > 0 for part in parts)
    assert np.max(sides) <= 1, message


def has(ids: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """bool [largest id + 1]: which ids have an interaction among `chosen`, bool [n]."""
    return np.bincount(ids[chosen], minlength=int(ids.max(initial=0)) + 1) > 0
