"""What each strategy promises, proves and says of itself."""

from typing import Any

import numpy as np
import pytest

from fusionrec.data import strategies
from fusionrec.data.split_labels import TEST, TRAIN, VAL
from fusionrec.errors import ProofError

from .common import LOG, assert_leak_is_found, given, grid, labels, log, relabel, rng

HISTORIES = [
    "every evaluated user has at least 3 interactions",
    "every evaluated user has a train interaction",
]
ORDER = "no later interaction of a user is in an earlier part"
ONE = [f"{part} has at most one interaction of each user" for part in ("val", "test")]
NOT_BOTH = "no user of train has fold-in interactions"
OLDER = [
    "every interaction of train is older than all of val",
    "every interaction of val is older than all of test",
]
USER = ["no user is in two parts", NOT_BOTH, ORDER]
FOLDED = [
    "every held-out user has a fold-in interaction",
    "every user with a fold-in interaction is held out",
]
COLD = [f"no cold {name} is in two parts" for name in ("user", "item")]
APART = [f"no cold item of {part} is folded in where it is to be predicted" for part in ("val", "test")]
PROMISES: list[tuple[str, dict[str, Any] | None, list[str]]] = [
    ("leave_one_out", {"held_out": "latest"}, [*HISTORIES, *ONE, ORDER]),
    ("leave_one_out", {"held_out": "random"}, [*HISTORIES, *ONE]),
    ("stratified", None, HISTORIES),
    ("stratified_temporal", None, [*HISTORIES, ORDER]),
    (
        "stratified_by_column",
        {"column": "user_id"},
        ["every evaluated value of user_id has a train interaction"],
    ),
    ("temporal", None, OLDER),
    ("item", None, ["no item is in two parts"]),
    ("user", {"fold_in": 0.5}, [*USER, *FOLDED]),
    ("user", {"fold_in": 0}, USER),
    ("mixed", None, [NOT_BOTH, *COLD, *APART]),
]
BY_TIME = {"leave_one_out", "stratified_temporal", "temporal"}
NAMES = sorted({name for name, _, _ in PROMISES} | {"simple_random"})


@pytest.mark.parametrize(("name", "own", "promises"), PROMISES)
def test_each_promise_is_proved(name: str, own: dict[str, Any] | None, promises: list[str]) -> None:
    loaded, task = strategies.load(name), given(LOG, name, own, min_interactions=3)
    proofs = loaded.check(loaded.label(task, rng()), task)
    assert [proof.promise for proof in proofs] == promises


@pytest.mark.parametrize("name", NAMES)
def test_what_a_strategy_says_of_itself(name: str) -> None:
    loaded, task = strategies.load(name), given(LOG, name)
    assert loaded.by_time(task) is (name in BY_TIME) and loaded.folds_in is (name in {"user", "mixed"})
    assert (loaded.cuts(task) == {}) is (name != "temporal")


def test_what_is_held_out_of_leave_one_out_says_whether_it_goes_by_time() -> None:
    task = given(LOG, "leave_one_out", {"held_out": "random"})
    assert strategies.load("leave_one_out").by_time(task) is False


@pytest.mark.parametrize(("name", "own"), [("user", None), ("mixed", {"cold_users": 0.5, "cold_items": 0.0})])
def test_users_with_just_enough_interactions_are_held_out(name: str, own: dict[str, Any] | None) -> None:
    whole = grid(40, 3)
    for enough, expected in ((3, True), (4, False)):
        split = labels(whole, name, own, min_interactions=enough)
        trained = np.bincount(whole.user[split == TRAIN], minlength=40)
        assert (trained == 0).any() == expected


def test_two_of_a_user_in_one_part_are_found() -> None:
    harm = relabel(TRAIN, TEST)
    assert_leak_is_found("leave_one_out", harm, "test has at most one interaction", {"held_out": "random"})


def test_a_value_that_is_in_validation_only_is_found() -> None:
    def harm(split: np.ndarray) -> None:
        split[LOG.user == 0] = VAL

    assert_leak_is_found(
        "stratified_by_column", harm, "every evaluated value of user_id", {"column": "user_id"}
    )


def test_a_second_that_is_divided_is_found() -> None:
    whole = log([(0, 0, 1), (0, 1, 1), (0, 2, 2), (0, 3, 3)])
    task = given(whole, "temporal")
    with pytest.raises(ProofError, match=r"train is older than all of val \(1 of 1"):
        strategies.load("temporal").check(np.array([TRAIN, VAL, VAL, TEST], np.int8), task)
    with pytest.raises(ProofError, match="val is older than all of test"):
        strategies.load("temporal").check(np.array([TRAIN, VAL, VAL, TEST], np.int8)[[0, 3, 1, 1]], task)
