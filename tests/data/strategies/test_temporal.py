"""temporal by hand, and against sorting."""

import math

import pytest
from hypothesis import given

from fusionrec.data import strategies
from fusionrec.data.split_labels import TEST, TRAIN, VAL, Log

from . import common
from .common import FRACTIONS, LOGS, Harm, assert_leak_is_found, labels, log, relabel
from .harms import swap_train_and_test


def test_by_hand() -> None:
    whole = log([(i % 2, i, i) for i in range(10)])
    split = labels(whole, "temporal")
    assert sorted(whole.item[split == TRAIN]) == [0, 1, 2, 3, 4, 5]
    assert sorted(whole.item[split == VAL]) == [6, 7]
    assert sorted(whole.item[split == TEST]) == [8, 9]
    cuts = strategies.load("temporal").cuts(common.given(whole, "temporal"))
    assert cuts == {"val_from": 6, "test_from": 8}


def test_a_cut_never_divides_a_second() -> None:
    times = [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    whole = log([(0, i, time) for i, time in enumerate(times)])
    assert labels(whole, "temporal").tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]


@given(LOGS, FRACTIONS)
def test_agrees_with_sorting(whole: Log, fractions: tuple[float, float]) -> None:
    n, ordered = len(whole.user), sorted(whole.timestamp.tolist())
    test = min(max(math.floor(n * fractions[1] + 0.5), 1), n - 2)
    val = min(max(math.floor(n * fractions[0] + 0.5), 1), n - test - 1)
    test_cut, val_cut = ordered[n - test], ordered[n - test - val]
    expected = [TEST if t >= test_cut else VAL if t >= val_cut else TRAIN for t in whole.timestamp.tolist()]
    split = labels(whole, "temporal", val_fraction=fractions[0], test_fraction=fractions[1])
    assert split.tolist() == expected


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (relabel(TRAIN, VAL), "every interaction of train is older than all of val"),
        (relabel(TRAIN, TEST), "every interaction of val is older than all of test"),
        (swap_train_and_test, "is older than all of"),
    ],
)
def test_leaks_are_found(harm: Harm, message: str) -> None:
    assert_leak_is_found("temporal", harm, message)
