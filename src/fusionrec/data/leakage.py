"""The proof that a split leaks nothing: what each strategy promises, looked up in the labels themselves."""

import numpy as np

from fusionrec import params
from fusionrec.data.strategies import FOLD_IN, PARTS, TEST, TRAIN, VAL, Log

BY_USER = ("leave_one_out", "stratified", "stratified_temporal")
AGE = np.array([1, 2, 3, 0], np.int8)  # of a label: what is folded in precedes what is asked


def check(labels: np.ndarray, log: Log, strata: np.ndarray, options: params.Splits) -> None:
    """Prove that the parts are complete and disjoint, and that the strategy keeps its promise.

    Args:
        labels: int8 [n], positions in `PARTS`.
        log: the whole log.
        strata: int [n], the group of each interaction where the strategy is `stratified_by_column`.
        options: strategy and its parameters.

    Raises:
        AssertionError: if something leaks, which is a bug here and not in the data.
    """
    assert labels.shape == log.user.shape, "not every interaction has one label"
    assert labels.min() >= 0 and labels.max() < len(PARTS), "a label is none of train, val, test, fold_in"
    _check_pairs(log)
    held_out = (labels == VAL) | (labels == TEST)
    if options.strategy not in ("user", "mixed"):
        assert not (labels == FOLD_IN).any(), f"{options.strategy} folds nothing in"
    if options.strategy in BY_USER:
        few = np.bincount(log.user) < options.min_interactions
        assert not few[log.user[held_out]].any(), "a user with too few interactions is evaluated"
        _check_known(log.user, held_out, labels == TRAIN, "a user is evaluated whom train lacks")
    if options.strategy == "leave_one_out":
        for part in (VAL, TEST):
            assert np.bincount(log.user[labels == part]).max(initial=0) <= 1, "more than one was left out"
    latest = options.strategy == "leave_one_out" and options.held_out == "latest"
    if latest or options.strategy == "stratified_temporal":
        _check_order(log, labels)
    if options.strategy == "stratified_by_column":
        _check_known(strata, held_out, labels == TRAIN, "a value is evaluated that train lacks")
    if options.strategy == "temporal":
        _check_cuts(log, labels)
    if options.strategy == "user":
        _check_users(log, labels, options.fold_in)
    if options.strategy == "item":
        _check_disjoint(log.item, labels, (TRAIN, VAL, TEST), "an item is in two parts")
    if options.strategy == "mixed":
        _check_mixed(log, labels)


def _check_pairs(log: Log) -> None:
    """A pair that the log has twice could be trained on and asked for."""
    pair = np.sort(log.user.astype(np.int64) * (int(log.item.max(initial=0)) + 1) + log.item)
    assert (pair[1:] > pair[:-1]).all(), "a pair is in the log twice"


def _check_known(group: np.ndarray, asked: np.ndarray, known: np.ndarray, message: str) -> None:
    """Every group with an interaction in `asked` has one in `known`, both bool [n]."""
    assert not (_has(group, asked) & ~_has(group, known)).any(), message


def _check_order(log: Log, labels: np.ndarray) -> None:
    """Within each user, no interaction precedes one of an earlier part, in the log's canonical order."""
    age = AGE[labels]
    backwards = (age[1:] < age[:-1]) & (log.user[1:] == log.user[:-1])
    assert not backwards.any(), "what a user did later is known earlier"


def _check_cuts(log: Log, labels: np.ndarray) -> None:
    for earlier, later in ((TRAIN, VAL), (VAL, TEST)):
        latest, earliest = log.timestamp[labels == earlier].max(), log.timestamp[labels == later].min()
        assert latest < earliest, f"{PARTS[earlier]} has interactions at or after the cut of {PARTS[later]}"


def _check_users(log: Log, labels: np.ndarray, fold_in: float) -> None:
    """Nobody is on two sides, and who is asked has been folded in before."""
    _check_disjoint(log.user, labels, (TRAIN, VAL, TEST), "a user is in two parts")
    _check_disjoint(log.user, labels, (TRAIN, FOLD_IN), "a user who is trained on is folded in")
    _check_order(log, labels)
    if fold_in > 0:
        held_out = (labels == VAL) | (labels == TEST)
        _check_known(log.user, held_out, labels == FOLD_IN, "a held-out user has nothing folded in")
        _check_known(log.user, labels == FOLD_IN, held_out, "a held-out user is asked nothing")


def _check_mixed(log: Log, labels: np.ndarray) -> None:
    """Cold users and items are on one side each, and are not given away by what is folded in.

    Cold because they were drawn are the users whom train lacks although they chose items that it has, and
    the items that it lacks although users whom it has chose them. Others may be missing from train only
    because all that they met was drawn.
    """
    user_known, item_known = (
        _has(log.user, labels == TRAIN)[log.user],
        _has(log.item, labels == TRAIN)[log.item],
    )
    user_cold = _has(log.user, ~user_known & item_known)[log.user]
    item_cold = _has(log.item, user_known & ~item_known)[log.item]
    assert not user_known[labels == FOLD_IN].any(), "a user who is trained on is folded in"
    for ids, cold, name in ((log.user, user_cold, "user"), (log.item, item_cold, "item")):
        _check_disjoint(ids[cold], labels[cold], (VAL, TEST), f"a cold {name} is in two parts")
    for part in (VAL, TEST):
        asked = (
            _has(log.user, labels == part)[log.user] & _has(log.item, (labels == part) & item_cold)[log.item]
        )
        assert not (asked & (labels == FOLD_IN)).any(), "a cold item is folded in where it is asked for"


def _check_disjoint(ids: np.ndarray, labels: np.ndarray, parts: tuple[int, ...], message: str) -> None:
    """No id has interactions in two of `parts`."""
    length = int(ids.max(initial=0)) + 1
    sides = sum(np.bincount(ids[labels == part], minlength=length) > 0 for part in parts)
    assert np.max(sides) <= 1, message


def _has(ids: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """bool [largest id + 1]: who has an interaction among `chosen`, bool [n]."""
    return np.bincount(ids[chosen], minlength=int(ids.max(initial=0)) + 1) > 0
