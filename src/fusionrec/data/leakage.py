"""Proofs that a split leaks nothing, looked up in the labels themselves, also under `python -O`.

Each function proves one promise or raises, and returns what it has looked up. `check` holds for every strategy. The
other functions are for the strategies, each of which proves what it promises.
"""

from typing import NamedTuple

import numpy as np

from fusionrec.data.split_labels import FOLD_IN, PARTS, TEST, TRAIN, VAL, Log
from fusionrec.errors import ProofError

AGE = np.array([1, 2, 3, 0], np.int8)  # of a label: fold-in interactions precede those to be predicted


class Proof(NamedTuple):
    """A promise that holds, and how many cases were looked up."""

    promise: str
    cases: int


def proved(promise: str, broken: np.ndarray) -> Proof:
    """The proof of a promise.

    Args:
        promise: a sentence.
        broken: bool [cases], where it does not hold.

    Raises:
        ProofError: if there is such a case.
    """
    if broken.any():
        first = int(np.argmax(broken))
        raise ProofError(f"{promise} ({int(broken.sum()):,} of {broken.size:,}, the first is number {first})")
    return Proof(promise, int(broken.size))


def check(labels: np.ndarray, log: Log, folds_in: bool) -> list[Proof]:
    """Prove that the parts are complete and disjoint, and that only those strategies fold in that say so.

    Args:
        labels: int8 [n], positions in `PARTS`.
        log: the whole log.
        folds_in: whether the strategy may label interactions FOLD_IN.

    Raises:
        ProofError: if something leaks, which is a mistake in the code and not in the data.
    """
    if labels.shape != log.user.shape:
        raise ProofError("every interaction has one label")
    return [
        Proof("every interaction has one label", len(labels)),
        proved("each label is train, val, test or fold_in", (labels < 0) | (labels >= len(PARTS))),
        _pairs(log),
        proved("only strategies that say so fold in", (labels == FOLD_IN) & (not folds_in)),
    ]


def _pairs(log: Log) -> Proof:
    """A pair that the log has twice could be in train and in test."""
    pair = np.sort(log.user.astype(np.int64) * (int(log.item.max(initial=0)) + 1) + log.item)
    return proved("no pair of user and item is in the log twice", pair[1:] == pair[:-1])


def check_histories(labels: np.ndarray, log: Log, least: int) -> list[Proof]:
    """Prove that every evaluated user has at least `least` interactions, and at least one of them in train.

    Args:
        labels: int8 [n], positions in `PARTS`.
        log: the whole log.
        least: number of interactions.

    Raises:
        ProofError: if not.
    """
    held_out = (labels == VAL) | (labels == TEST)
    few = np.bincount(log.user) < least
    return [
        proved(f"every evaluated user has at least {least} interactions", few[log.user[held_out]]),
        check_known(log.user, held_out, labels == TRAIN, "every evaluated user has a train interaction"),
    ]


def check_known(group: np.ndarray, asked: np.ndarray, known: np.ndarray, promise: str) -> Proof:
    """Prove that every group (int [n]) with an interaction in `asked` has one in `known`, both bool [n].

    Raises:
        ProofError: with `promise`, if not.
    """
    return proved(promise, ~has(group, known)[has(group, asked)])


def check_order(labels: np.ndarray, log: Log) -> Proof:
    """Prove that no interaction of a user precedes one of an earlier part, in the log's canonical order.

    Args:
        labels: int8 [n], positions in `PARTS`.
        log: the whole log.

    Raises:
        ProofError: if not.
    """
    age = AGE[labels]
    backwards = (age[1:] < age[:-1]) & (log.user[1:] == log.user[:-1])
    return proved("no later interaction of a user is in an earlier part", backwards)


def check_disjoint(ids: np.ndarray, labels: np.ndarray, parts: tuple[int, ...], promise: str) -> Proof:
    """Prove that no id (int [n]) has interactions in two of `parts`, by the labels, int8 [n].

    Raises:
        ProofError: with `promise`, if not.
    """
    length = int(ids.max(initial=0)) + 1
    sides = np.array([np.bincount(ids[labels == part], minlength=length) > 0 for part in parts]).sum(0)
    return proved(promise, sides > 1)


def has(ids: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """bool [largest id + 1]: which ids have an interaction among `chosen`, bool [n]."""
    return np.bincount(ids[chosen], minlength=int(ids.max(initial=0)) + 1) > 0
