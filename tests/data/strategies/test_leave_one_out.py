"""leave_one_out by hand, and against pandas."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from fusionrec.data.split_labels import TEST, TRAIN, VAL, Log

from .common import LOGS, Harm, assert_leak_is_found, grid, labels, log, part
from .harms import newest_to_train, swap_train_and_test, whole_user_to_test

LATEST, RANDOM = {"held_out": "latest"}, {"held_out": "random"}


def test_latest_by_hand() -> None:
    whole = log([(0, 5, 30), (0, 6, 10), (0, 7, 20), (0, 8, 40), (1, 5, 1), (1, 6, 2)])
    split = labels(whole, "leave_one_out", LATEST)
    assert part(whole, split, TEST) == [(0, 8, 40)]
    assert part(whole, split, VAL) == [(0, 5, 30)]
    assert part(whole, split, TRAIN) == [(0, 6, 10), (0, 7, 20), (1, 5, 1), (1, 6, 2)], "short ones stay"


def test_ties_in_time_are_broken_by_item() -> None:
    split = labels(log([(0, 3, 1), (0, 1, 1), (0, 2, 1)]), "leave_one_out", LATEST)
    assert split.tolist() == [TRAIN, VAL, TEST]


def test_min_interactions() -> None:
    assert labels(grid(1, 4), "leave_one_out", LATEST, min_interactions=5).tolist() == [TRAIN] * 4


@given(LOGS)
def test_latest_agrees_with_pandas(whole: Log) -> None:
    frame = pd.DataFrame(whole._asdict()).drop(columns="given").sort_values(["user", "timestamp", "item"])
    frame = frame[frame.groupby("user")["item"].transform("size") >= 3]
    split = labels(whole, "leave_one_out", LATEST)
    last_two = frame.groupby("user").tail(2)
    assert np.flatnonzero(split == TEST).tolist() == frame.groupby("user").tail(1).index.tolist()
    assert np.flatnonzero(split == VAL).tolist() == last_two.groupby("user").head(1).index.tolist()


def test_random_leaves_any_one_out() -> None:
    whole = grid(3000, 5)
    split = labels(whole, "leave_one_out", RANDOM).reshape(3000, 5)
    for label in (VAL, TEST):
        assert ((split == label).sum(1) == 1).all()
        assert (split == label).mean(0) == pytest.approx(0.2, abs=0.04), "each place as often as another"
    assert (labels(whole, "leave_one_out", RANDOM, seed=2).reshape(3000, 5) != split).any()


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (newest_to_train, "no later interaction of a user is in an earlier part"),
        (swap_train_and_test, "has at most one interaction of each user"),
        (whole_user_to_test, "every evaluated user has a train interaction"),
    ],
)
def test_leaks_are_found(harm: Harm, message: str) -> None:
    assert_leak_is_found("leave_one_out", harm, message, LATEST)
