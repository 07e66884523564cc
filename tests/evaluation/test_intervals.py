"""Intervals of means over users, against SciPy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fusionrec.evaluation import intervals

RNG = np.random.default_rng(0)


def test_the_interval_is_that_of_scipy() -> None:
    values = RNG.random(100)
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.9)
    found = intervals.interval(values, 0.9)
    assert found == pytest.approx((values.mean(), expected.low, expected.high))


def test_undefined_users_are_left_out() -> None:
    values = RNG.random(100)
    with_gaps = np.concatenate([values, np.full(7, np.nan)])
    assert intervals.interval(with_gaps) == intervals.interval(values)
    columns = np.array([[1.0, np.nan, np.nan], [0.0, 3.0, np.nan], [1.0, np.nan, np.nan]])
    assert intervals.mean(columns)[:2] == pytest.approx([2 / 3, 3]) and np.isnan(intervals.mean(columns)[2])


@given(st.lists(st.integers(-1000, 1000), min_size=2, max_size=30))
def test_effective_users_are_users_by_kurtosis(values: list[int]) -> None:
    array = np.array(values) / 8
    found = intervals.effective_users(array)
    if np.ptp(array):
        assert found == pytest.approx(len(values) / stats.kurtosis(array, fisher=False), rel=1e-6)
        assert 1 < found <= len(values) * (1 + 1e-9)


def test_a_few_values_decide_although_many_users_have_a_hit() -> None:
    """Serendipity: hits that popularity would have placed a little lower, and a few cold items."""
    values = np.concatenate([np.full(500, 0.004), np.full(7, 0.1), np.zeros(1493)])
    assert 6 < intervals.effective_users(values) < 10
    assert 400 < intervals.effective_users(np.where(values > 0.01, 0, values)) < 900


@pytest.mark.parametrize("values", [np.full(300, 0.1), np.zeros(300), np.ones(1), np.zeros(0)])
def test_what_does_not_vary_has_no_interval(values: np.ndarray) -> None:
    found = intervals.interval(values)
    assert intervals.effective_users(values) == 0 and np.isnan([found.low, found.high]).all()


def test_by_name() -> None:
    rare = np.zeros(200)
    rare[:5] = 1
    found = intervals.by_name({"dense": np.arange(200.0), "rare": rare, "undefined": np.full(200, np.nan)})
    assert found["rare"] == {"mean": 0.025, "low": None, "high": None}
    assert found["dense"]["mean"] == 99.5 and found.keys() == {"dense", "rare"}
