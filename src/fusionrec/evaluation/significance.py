"""Tests of the difference of two means over users, which cover the choice of users and of seeds."""

from typing import NamedTuple

import numpy as np

from fusionrec.evaluation.intervals import FEWEST, LEVEL, effective_users


class Difference(NamedTuple):
    """The difference of two means over users, b - a.

    Attributes:
        mean: the difference.
        low, high: its interval; NaN if too few users decide the difference.
        p: two-sided p-value of the same t-test, adjusted for the number of tests; NaN likewise.
        users: standard error from the choice of users.
        seeds: standard error from the choice of seeds; NaN if a side has one run, where it is unknown.
    """

    mean: float
    low: float
    high: float
    p: float
    users: float
    seeds: float


def difference(a: np.ndarray, b: np.ndarray, tests: int = 1) -> Difference:
    """Compare two recipes, or two trained models, on the same users.

    The users are the same on both sides, so their part of the variance is that of the differences by user. If both
    sides have several runs, the seeds are a second sample: the variance of the difference is

        users + seeds,  seeds = max(var(a) / runs of a + var(b) / runs of b - residual, 0)

    where var is the variance of a side's means over its runs, and residual is the part of it that these users
    explain, the interaction of users and seeds, which the first term has already. Degrees of freedom follow
    Satterthwaite (Biometrics 1946). It is the model for readings of the same cases by several readers, who are the
    seeds here (Hillis, Statistics in Medicine 2007), with readers nested in methods.

    Args:
        a: float64 [runs, users], without NaN.
        b: float64 [other runs, users], likewise.
        tests: how many differences are tested. p-values are multiplied by it, and intervals are widened to match
            (Bonferroni; Dunn, JASA 1961): an interval excludes 0 exactly if p < 1 - `LEVEL`, and all of them hold
            together with probability `LEVEL`.
    """
    from scipy.special import stdtr, stdtrit

    each = b.mean(0) - a.mean(0)
    n, centre = len(each), float(each.mean()) if len(each) else np.nan
    users = float(each.var(ddof=1)) / n if n > 1 else 0.0
    seeds, parts = _seeds([a, b]) if min(len(a), len(b)) > 1 else (np.nan, [])
    if effective_users(each) < FEWEST:
        return Difference(centre, np.nan, np.nan, np.nan, users**0.5, seeds**0.5)
    variance = users + np.nan_to_num(seeds)
    freedom = variance**2 / (users**2 / (n - 1) + sum(part**2 / (runs - 1) for part, runs in parts))
    error = variance**0.5
    half = stdtrit(freedom, 1 - (1 - LEVEL) / 2 / tests) * error
    p = min(tests * 2 * stdtr(freedom, -abs(centre) / error), 1.0)
    return Difference(centre, centre - half, centre + half, float(p), users**0.5, seeds**0.5)


def _seeds(sides: list[np.ndarray]) -> tuple[float, list[tuple[float, int]]]:
    """The variance from seeds beyond the residual, and for each side the variance of its mean and its runs."""
    parts, residual = [], 0.0
    for values in sides:
        runs, users = values.shape
        means = values.mean(1)
        rest = values - values.mean(0) - means[:, None] + means.mean()
        residual += float((rest**2).sum()) / (runs - 1) / max(users - 1, 1) / users / runs
        parts.append((float(means.var(ddof=1)) / runs, runs))
    return max(sum(part for part, _ in parts) - residual, 0.0), parts
