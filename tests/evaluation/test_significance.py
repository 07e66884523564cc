"""Intervals and tests, against plain loops, SciPy and worked examples."""

import numpy as np
import pytest
from scipy import stats

from fusionrec.evaluation import significance


def bootstrap(values: np.ndarray, seed: int, draws: int = 1000) -> significance.Interval:
    samples = significance.samples(len(values), np.random.default_rng(seed), draws)
    return significance.bootstrap(values, samples)


def test_columns_are_resampled_together_and_alone_alike() -> None:
    rng = np.random.default_rng(0)
    values = rng.random((50, 3))
    together = bootstrap(values, 1, draws=120)
    for column in range(3):
        alone = bootstrap(values[:, [column]], 1, draws=120)
        for one, all_of_them in zip(alone, together, strict=True):
            assert one[0] == pytest.approx(all_of_them[column], abs=1e-12)


def test_interval_is_that_of_a_plain_bootstrap() -> None:
    values = np.random.default_rng(0).random((40, 1))
    rng = np.random.default_rng(5)
    means = [values[rng.integers(0, 40, 40), 0].mean() for _ in range(1000)]  # the same draws, one by one
    found = bootstrap(values, 5)
    np.testing.assert_allclose([found.low[0], found.high[0]], np.quantile(means, [0.025, 0.975]), atol=1e-12)


def test_interval_covers_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    inside = 0
    for seed in range(200):
        found = bootstrap(rng.random((60, 1)), seed, draws=200)
        inside += found.low[0] <= 0.5 <= found.high[0]
    assert 0.88 < inside / 200 < 0.99


def test_undefined_users_are_left_out() -> None:
    values = np.array([[1.0, np.nan, np.nan], [0.0, 3.0, np.nan], [1.0, np.nan, np.nan]])
    found = bootstrap(values, 0, draws=100)
    assert found.mean[:2] == pytest.approx([2 / 3, 3]) and np.isnan(found.mean[2])
    assert (found.low[1], found.high[1]) == (3, 3), "samples without the only user do not count"
    assert np.isnan(found.low[2])


def test_tests_agree_with_scipy() -> None:
    rng = np.random.default_rng(3)
    a, b = rng.random(30), rng.random(30) + 0.1
    assert significance.t_test(b - a) == pytest.approx(stats.ttest_rel(b, a).pvalue)
    assert significance.wilcoxon(b - a) == pytest.approx(stats.wilcoxon(b, a).pvalue)


def test_no_difference_is_no_evidence() -> None:
    zeros = np.zeros(20)
    assert significance.t_test(zeros) == significance.wilcoxon(zeros) == 1
    assert significance.t_test(np.ones(1)) == 1 and significance.t_test(np.ones(5)) == 0


def test_holm_by_hand() -> None:
    adjusted = significance.holm(np.array([0.01, 0.2, 0.02, 0.9]))
    assert adjusted == pytest.approx([0.04, 0.4, 0.06, 0.9])
    assert significance.holm(np.array([0.5, 0.6])).tolist() == [1, 1]


def test_samples_draw_each_user_once_on_average() -> None:
    counts = significance.samples(40, np.random.default_rng(0), 500)
    assert counts.shape == (500, 40) and (counts.sum(1) == 40).all()
    assert abs(counts.mean(0) - 1).max() < 0.2
