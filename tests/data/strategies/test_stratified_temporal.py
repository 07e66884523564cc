"""stratified_temporal by hand, and against a loop."""

from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data.split_labels import TEST, TRAIN, VAL, Log, portions

from .common import FRACTIONS, LOGS, assert_leak_is_found, labels, log
from .harms import newest_to_train


def test_takes_the_latest() -> None:
    whole = log([*((0, 9 - i, i) for i in range(10)), (1, 0, 0), (1, 1, 1), (1, 2, 1)])
    split = labels(whole, "stratified_temporal", val_fraction=0.2, test_fraction=0.3, min_interactions=4)
    assert split.tolist() == [TRAIN] * 5 + [VAL] * 2 + [TEST] * 3 + [TRAIN] * 3


@given(LOGS, FRACTIONS, st.integers(3, 5))
def test_agrees_with_a_loop(whole: Log, fractions: tuple[float, float], least: int) -> None:
    expected = []
    for user in sorted(set(whole.user.tolist())):
        count = whole.user.tolist().count(user)
        val, test = (int(n) for n in portions(np.array(count), *fractions, least))
        expected += [TRAIN] * (count - val - test) + [VAL] * val + [TEST] * test
    shared: dict[str, Any] = {
        "val_fraction": fractions[0],
        "test_fraction": fractions[1],
        "min_interactions": least,
    }
    assert labels(whole, "stratified_temporal", **shared).tolist() == expected


def test_leaks_are_found() -> None:
    message = "no later interaction of a user is in an earlier part"
    assert_leak_is_found("stratified_temporal", newest_to_train, message)
