"""What strategies share: numbers of interactions to hold out, and drawing by group."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import split_labels
from fusionrec.data.split_labels import TEST, TRAIN, VAL

from .strategies.common import FRACTIONS, rng


@pytest.mark.parametrize(
    ("count", "val", "test", "expected"),
    [
        (10, 0.1, 0.1, (1, 1)),
        (3, 0.1, 0.1, (1, 1)),  # at least one
        (2, 0.1, 0.1, (0, 0)),  # below 3
        (15, 0.1, 0.1, (2, 2)),  # 1.5 is rounded up
        (14, 0.1, 0.1, (1, 1)),
        (10, 0.0, 0.2, (0, 2)),
        (4, 0.5, 0.49, (1, 2)),  # one is left to train
        (3, 0.05, 0.9, (1, 1)),  # test leaves one to validation
    ],
)
def test_portions_by_hand(count: int, val: float, test: float, expected: tuple[int, int]) -> None:
    for_val, for_test = split_labels.portions(np.array([count]), val, test)
    assert (for_val.item(), for_test.item()) == expected


@given(st.integers(0, 1000), FRACTIONS)
def test_portions_leave_something_to_every_part(count: int, fractions: tuple[float, float]) -> None:
    val, test = (int(n) for n in split_labels.portions(np.array(count), *fractions))
    if count < 3:
        assert (val, test) == (0, 0)
    else:
        assert val >= 1 and test >= 1 and val + test < count
        assert test == min(max(math.floor(count * fractions[1] + 0.5), 1), count - 2)


def test_random_of_each_group_keeps_rare_ones_in_train() -> None:
    group = np.array([2, 0, 2, 2, 1, 2, 0, 2, 2, 2, 2, 2])
    labels = split_labels.random_of_each(group, 0.2, 0.2, 3, rng())
    assert np.bincount(labels[group == 2]).tolist() == [5, 2, 2] and not labels[group != 2].any()


def test_random_rows_are_eligible_ones() -> None:
    eligible = np.arange(30) % 3 > 0
    part = split_labels.random_rows(eligible, 0.1, 0.2, rng())
    assert np.bincount(part).tolist() == [24, 2, 4] and (part[~eligible] == TRAIN).all()
    assert {TRAIN, VAL, TEST} == set(part.tolist())


def test_first_of_each_by_hand() -> None:
    user, chosen = np.array([0, 0, 0, 0, 1, 1, 2]), np.array([1, 0, 1, 1, 1, 1, 1], bool)
    assert split_labels.first_of_each(user, chosen, 0.5).tolist() == [0, 2, 4], "a single one is left"
    assert split_labels.first_of_each(user, chosen, 0.0).tolist() == []
