"""Bootstrap intervals of means over users, and paired tests of the difference of two means."""

from typing import NamedTuple

import numpy as np

DRAWS = 1000
LEVEL = 0.95
CHUNK = 2048  # users in one matrix product, so that counts stay in a CPU's cache


class Interval(NamedTuple):
    """Means and the ends of their intervals, float64 [m] each."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def mean(values: np.ndarray) -> np.ndarray:
    """Mean over users, float64 [m], of `values`, float64 [users, m].

    NaN (undefined for a user) is left out; the mean is NaN if all values are.
    """
    defined = ~np.isnan(values)
    count = defined.sum(0)
    return np.where(count > 0, np.where(defined, values, 0).sum(0) / np.maximum(count, 1), np.nan)


def samples(users: int, generator: np.random.Generator, draws: int = DRAWS) -> np.ndarray:
    """Bootstrap samples of users, drawn with replacement.

    Returns:
        uint8 [draws, users]: how often each user is in each sample, once on average.
    """
    counts = np.empty((draws, users), np.uint8)
    for row in counts:
        row[:] = np.bincount(generator.integers(0, users, users), minlength=users)
    return counts


def bootstrap(values: np.ndarray, samples: np.ndarray, level: float = LEVEL) -> Interval:
    """Percentile bootstrap of means over users (Efron and Tibshirani 1993, chapter 13).

    The means of all columns in all samples are one product of matrices. For two recommenders on the same users,
    pass the differences: that is the paired comparison.

    Args:
        values: float64 [users, m]; NaN where a column is undefined for a user, who then does not count in its mean.
        samples: see `samples`.
        level: coverage of the intervals.

    Returns:
        float64 [m] each. Samples without a user for whom a column is defined do not count for it.
    """
    undefined = np.isnan(values)
    partial = np.flatnonzero(undefined.any(0))
    columns = np.concatenate([np.where(undefined, 0.0, values), ~undefined[:, partial]], 1)
    sums = np.zeros((len(samples), columns.shape[1]))
    for start in range(0, len(values), CHUNK):
        sums += samples[:, start : start + CHUNK].astype(np.float64) @ columns[start : start + CHUNK]
    totals, drawn = np.split(sums, [values.shape[1]], 1)
    weight = np.full(totals.shape, float(len(values)))
    weight[:, partial] = drawn
    with np.errstate(invalid="ignore"):
        means = totals / weight
    low, high = _ends(means, level)
    return Interval(mean(values), low, high)


def _ends(means: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the intervals, float64 [m] each, of `means`, float64 [draws, m]; NaN does not count."""
    ends = [(1 - level) / 2, (1 + level) / 2]
    low, high = np.full((2, means.shape[1]), np.nan)
    gaps = np.isnan(means)
    whole = ~gaps.any(0)
    if whole.any():
        low[whole], high[whole] = np.quantile(means[:, whole], ends, axis=0)
    for column in np.flatnonzero(gaps.any(0) & ~gaps.all(0)):
        low[column], high[column] = np.quantile(means[~gaps[:, column], column], ends)
    return low, high


def t_test(differences: np.ndarray) -> float:
    """Two-sided p-value of Student's paired t-test that the mean of `differences`, float64 [users], is 0.

    1 if all are 0, or there are fewer than two.
    """
    from scipy import stats

    if len(differences) < 2 or not differences.any():
        return 1.0
    if (differences == differences[0]).all():
        return 0.0  # the same for all users: t is infinite
    return float(stats.ttest_1samp(differences, 0).pvalue)


def wilcoxon(differences: np.ndarray) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test that `differences`, float64 [users], are symmetric about 0.

    Zeros are ranked and then dropped (Pratt, JASA 1959), since most users have the same value in both runs.
    1 if all are 0.
    """
    from scipy import stats

    if not differences.any():
        return 1.0
    return float(stats.wilcoxon(differences, zero_method="pratt").pvalue)


def holm(p: np.ndarray) -> np.ndarray:
    """p-values, float64 [m], adjusted for multiple tests (Holm, Scandinavian Journal of Statistics 1979).

    >>> holm(np.array([0.01, 0.04, 0.03]))
    array([0.03, 0.06, 0.06])
    """
    order = np.argsort(p, kind="stable")
    scaled = p[order] * np.arange(len(p), 0, -1)
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted
