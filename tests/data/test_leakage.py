"""The proof finds every kind of leak that is put into good labels."""

from collections.abc import Callable

import numpy as np
import pytest

from fusionrec import params
from fusionrec.data import leakage, splits
from fusionrec.data.strategies import FOLD_IN, TEST, TRAIN, VAL, Log

from .test_splits import ITEMS, OPTIONS
from .test_strategies import grid

LOG = grid(20, 20)
Harm = Callable[[np.ndarray], None]


def options(strategy: str) -> params.Splits:
    return OPTIONS.model_copy(update={"strategy": strategy})


def good(strategy: str) -> tuple[np.ndarray, np.ndarray]:
    """Labels of `LOG`, and the groups that they respect."""
    strata = splits.groups("item_id", LOG, ITEMS) if strategy == "stratified_by_column" else LOG.user
    return splits.split(LOG, ITEMS, options(strategy)), strata


def row(labels: np.ndarray, label: int, which: int = 0) -> int:
    return int(np.flatnonzero(labels == label)[which])


def one(label: int, becomes: int) -> Harm:
    def harm(labels: np.ndarray) -> None:
        labels[row(labels, label)] = becomes

    return harm


def newest_to_train(labels: np.ndarray) -> None:
    """User 0's newest interaction and its oldest one change places."""
    labels[[0, 19]] = labels[[19, 0]]


def swap_train_and_test(labels: np.ndarray) -> None:
    labels[:] = np.array([TEST, VAL, TRAIN, FOLD_IN], np.int8)[labels]


def whole_user_to_test(labels: np.ndarray) -> None:
    labels[LOG.user == 0] = TEST


def whole_item_to_test(labels: np.ndarray) -> None:
    labels[LOG.item == 0] = TEST


def ask_what_was_folded_in(labels: np.ndarray) -> None:
    labels[(labels == FOLD_IN) & asked_in_test(labels)] = TEST


def ask_nothing(labels: np.ndarray) -> None:
    labels[(labels == TEST) & (LOG.user == LOG.user[row(labels, TEST)])] = FOLD_IN


def ask_first_and_fold_in_later(labels: np.ndarray) -> None:
    somebody = asked_in_test(labels)
    labels[somebody] = np.where(labels[somebody] == FOLD_IN, TEST, FOLD_IN)


def asked_in_test(labels: np.ndarray) -> np.ndarray:
    return np.isin(LOG.user, LOG.user[labels == TEST])


def first_of_a_held_out_user_to_train(labels: np.ndarray) -> None:
    labels[row(labels, FOLD_IN)] = TRAIN


def cold_item_to(label: int, of_cold_users: bool) -> Harm:
    """An interaction with a cold item of the test part gets another label."""

    def harm(labels: np.ndarray) -> None:
        warm = np.isin(LOG.user, LOG.user[labels == TRAIN])
        known = np.isin(LOG.item, LOG.item[labels == TRAIN])
        chosen = ~known & (labels == TEST) & (warm != of_cold_users)
        labels[row(chosen, True)] = label

    return harm


def cold_user_to(label: int) -> Harm:
    def harm(labels: np.ndarray) -> None:
        cold = ~np.isin(LOG.user, LOG.user[labels == TRAIN])
        labels[row(cold & (labels == TEST), True)] = label

    return harm


@pytest.mark.parametrize(
    ("strategy", "harm", "message"),
    [
        ("leave_one_out", one(TRAIN, FOLD_IN), "folds nothing in"),
        ("leave_one_out", newest_to_train, "what a user did later is known earlier"),
        ("leave_one_out", swap_train_and_test, "more than one was left out"),
        ("leave_one_out", whole_user_to_test, "whom train lacks"),
        ("temporal", one(TRAIN, VAL), "train has interactions at or after the cut of val"),
        ("temporal", one(TRAIN, TEST), "val has interactions at or after the cut of test"),
        ("temporal", swap_train_and_test, "at or after the cut"),
        ("stratified", whole_user_to_test, "whom train lacks"),
        ("stratified_temporal", newest_to_train, "what a user did later is known earlier"),
        ("stratified_by_column", whole_item_to_test, "a value is evaluated that train lacks"),
        ("simple_random", one(TRAIN, FOLD_IN), "folds nothing in"),
        ("user", one(TRAIN, TEST), "a user is in two parts"),
        ("user", one(TEST, VAL), "a user is in two parts"),
        ("user", first_of_a_held_out_user_to_train, "a user is in two parts"),
        ("user", one(TRAIN, FOLD_IN), "a user who is trained on is folded in"),
        ("user", ask_first_and_fold_in_later, "what a user did later is known earlier"),
        ("user", ask_nothing, "a held-out user is asked nothing"),
        ("user", ask_what_was_folded_in, "a held-out user has nothing folded in"),
        ("item", one(TEST, TRAIN), "an item is in two parts"),
        ("item", one(TEST, VAL), "an item is in two parts"),
        ("item", one(VAL, TRAIN), "an item is in two parts"),
        ("mixed", one(TRAIN, FOLD_IN), "a user who is trained on is folded in"),
        ("mixed", cold_item_to(VAL, of_cold_users=False), "a cold item is in two parts"),
        (
            "mixed",
            cold_item_to(FOLD_IN, of_cold_users=True),
            "a cold item is folded in where it is asked for",
        ),
        ("mixed", cold_user_to(VAL), "a cold user is in two parts"),
        ("mixed", cold_user_to(TRAIN), "a user who is trained on is folded in"),
    ],
)
def test_a_leak_is_found(strategy: str, harm: Harm, message: str) -> None:
    labels, strata = good(strategy)
    leakage.check(labels, LOG, strata, options(strategy))
    harm(labels)
    with pytest.raises(AssertionError, match=message):
        leakage.check(labels, LOG, strata, options(strategy))


def test_labels_must_be_complete_and_known() -> None:
    labels, strata = good("simple_random")
    with pytest.raises(AssertionError, match="not every interaction"):
        leakage.check(labels[:-1], LOG, strata, options("simple_random"))
    labels[0] = 4
    with pytest.raises(AssertionError, match="none of train, val, test, fold_in"):
        leakage.check(labels, LOG, strata, options("simple_random"))


def test_a_pair_that_is_there_twice_could_be_on_two_sides() -> None:
    twice = Log(*(np.concatenate([column[:1], column]) for column in LOG))
    labels = np.zeros(len(twice.user), np.int8)
    labels[:2] = VAL, TEST
    with pytest.raises(AssertionError, match="a pair is in the log twice"):
        leakage.check(labels, twice, twice.user, options("simple_random"))


def test_too_few_interactions_are_never_evaluated() -> None:
    labels, strata = good("stratified")
    strict = options("stratified").model_copy(update={"min_interactions": 21})
    with pytest.raises(AssertionError, match="a user with too few interactions is evaluated"):
        leakage.check(labels, LOG, strata, strict)
