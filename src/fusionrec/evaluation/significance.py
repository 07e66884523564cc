"""Intervals of means over users."""

from typing import NamedTuple

import numpy as np


class Interval(NamedTuple):
    """A mean and the ends of its interval."""

    mean: float
    low: float
    high: float


def bootstrap(
    values: np.ndarray, generator: np.random.Generator, draws: int = 1000, level: float = 0.95
) -> Interval:
    """Percentile bootstrap of the mean over users (Efron and Tibshirani 1993, chapter 13).

    For two recommenders on the same users, pass the differences: that is the paired comparison.

    Args:
        values: float64 [users].
        generator: draws the samples.
        draws: number of samples.
        level: probability that the interval covers.
    """
    n = len(values)
    means = np.array([generator.multinomial(n, np.full(n, 1 / n)) @ values / n for _ in range(draws)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(float(values.mean()), float(low), float(high))
