"""Tests of differences, against SciPy, statistics by hand, and simulated seeds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from fusionrec.evaluation import significance
from fusionrec.evaluation.intervals import FEWEST

RNG = np.random.default_rng(0)


def test_one_run_a_side_is_the_paired_t_test_of_scipy() -> None:
    a, b = RNG.random(90), RNG.random(90) + 0.1
    found = significance.difference(a[None], b[None])
    expected = stats.ttest_rel(b, a)
    ends = expected.confidence_interval(0.95)
    assert found.p == pytest.approx(expected.pvalue)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))
    assert found.users == pytest.approx(stats.sem(b - a)) and np.isnan(found.seeds)


def test_many_seeds_and_users_without_noise_are_the_t_test_of_welch() -> None:
    """Where only seeds vary, users are all the same, and each run is one observation."""
    taste = RNG.random(200)
    first, second = RNG.normal(0, 1, 4), RNG.normal(3, 2, 6)
    found = significance.difference(taste + first[:, None], 1.01 * taste + second[:, None])
    expected = stats.ttest_ind(second, first, equal_var=False)
    shift = 0.01 * taste.mean()
    assert found.mean == pytest.approx(second.mean() - first.mean() + shift)
    assert found.seeds == pytest.approx(np.sqrt(first.var(ddof=1) / 4 + second.var(ddof=1) / 6), rel=1e-4)
    assert found.p == pytest.approx(stats.t.sf(found.mean / found.seeds, expected.df) * 2, rel=0.01)


def test_variances_by_hand() -> None:
    """Two runs a side, 40 users: the mean squares of the analysis of variance of each side."""
    a, b = RNG.random((2, 40)), RNG.random((2, 40)) + np.array([[0.5], [0.1]])
    found = significance.difference(a, b)
    of_users = (b.mean(0) - a.mean(0)).var(ddof=1) / 40
    of_seeds = -0.0
    for side in (a, b):
        half = (side[0] - side[1]) / 2  # the effect of a seed on each user
        of_seeds += half.mean() ** 2 - half.var(ddof=1) / 40
    assert found.users**2 == pytest.approx(of_users)
    assert found.seeds**2 == pytest.approx(max(of_seeds, 0)) and of_seeds > 0


def test_variance_of_seeds_with_more_runs() -> None:
    """The mean square of users and seeds together, from each user's variance over runs."""
    a, b = RNG.random((3, 40)), RNG.random((5, 40)) + np.arange(5)[:, None]
    expected = 0.0
    for side in (a, b):
        means = side.mean(1)
        together = (side - means[:, None]).var(0, ddof=1).sum() / 39
        expected += (means.var(ddof=1) - together / 40) / len(side)
    assert significance.difference(a, b).seeds ** 2 == pytest.approx(expected) and expected > 0


def test_no_user_and_one_user() -> None:
    nobody = significance.difference(np.zeros((2, 0)), np.zeros((1, 0)))
    assert np.isnan([nobody.mean, nobody.low, nobody.p]).all() and nobody.users == 0
    one = significance.difference(np.array([[1.0]]), np.array([[3.0]]))
    assert one.mean == 2 and one.users == 0 and np.isnan([one.low, one.high, one.p]).all()
    two = significance.difference(np.array([[1.0, 1.0]]), np.array([[3.0, 4.0]]))
    assert two.users == pytest.approx(0.5) and np.isnan(two.p)


@given(st.integers(1, 3), st.integers(1, 3), st.integers(1, 5), st.integers(0, 1000))
def test_the_interval_excludes_zero_exactly_if_p_is_small(a: int, b: int, tests: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    found = significance.difference(rng.random((a, 90)), rng.random((b, 90)) + rng.random() / 4, tests)
    assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
    assert found.low < found.mean < found.high


def test_sides_can_be_exchanged() -> None:
    a, b = RNG.random((3, 80)), RNG.random((2, 80))
    one, other = significance.difference(a, b), significance.difference(b, a)
    assert (one.low, one.high, one.p) == pytest.approx((-other.high, -other.low, other.p))


def test_several_tests_are_corrected() -> None:
    a, b = RNG.random((1, 60)), RNG.random((1, 60)) + 0.05
    alone, among = significance.difference(a, b), significance.difference(a, b, 4)
    assert among.p == pytest.approx(min(4 * alone.p, 1)) and among.high - among.low > alone.high - alone.low


def test_too_few_users_that_differ_are_no_evidence() -> None:
    a = np.zeros((1, 500))
    b = a.copy()
    b[0, : FEWEST // 2] = 1
    found = significance.difference(a, b)
    assert found.mean == FEWEST / 1000 and np.isnan([found.low, found.high, found.p]).all()
    nothing = significance.difference(a, a)
    assert (nothing.mean, nothing.users) == (0, 0) and np.isnan(nothing.p)


@pytest.mark.parametrize(("of_seeds", "runs"), [(0, 2), (0.02, 2), (0.1, 2), (0.02, 4), (0.1, 4)])
def test_recipes_that_are_the_same_are_seldom_called_different(of_seeds: float, runs: int) -> None:
    """Users vary by 0.2 in a run, so 0.016 in the mean of 150 users; seeds by less, as much, or more."""
    rng, different, rounds = np.random.default_rng(runs), 0, 1500
    for _ in range(rounds):
        a, b = rng.normal(0, 0.2, (2, runs, 150)) + rng.normal(0, of_seeds, (2, runs, 1))
        different += significance.difference(a, b).p < 0.05
    assert different / rounds < 0.065
