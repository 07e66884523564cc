"""Student's t intervals of means over users, where enough users decide the mean."""

from collections.abc import Hashable, Mapping
from typing import NamedTuple, TypeVar

import numpy as np

LEVEL = 0.95
FEWEST = 20  # effective users; below, the coverage in tests/evaluation/test_coverage.py leaves 93 % to 97 %
TOO_FEW = "too few hits"  # what is shown instead of an interval
DIGITS = 6
Ends = dict[str, float | None]  # mean, low and high
Name = TypeVar("Name", bound=Hashable)


class Interval(NamedTuple):
    """A mean and the ends of its interval, which are NaN if too few users decide the mean."""

    mean: float
    low: float
    high: float


def mean(values: np.ndarray) -> np.ndarray:
    """Mean over users, float64 [m], of `values`, float64 [users, m].

    NaN (undefined for a user) is left out; the mean is NaN if all values are.
    """
    defined = ~np.isnan(values)
    count = defined.sum(0)
    return np.where(count > 0, np.where(defined, values, 0).sum(0) / np.maximum(count, 1), np.nan)


def effective_users(values: np.ndarray) -> float:
    """How many users decide the mean of `values`, float64 [users].

    Kish's effective sample size, (sum w)² / sum w² ("Survey Sampling", 1965), where a user's weight w is the squared
    deviation from the mean: users / kurtosis. If a few users have a hit and all others 0, it is about the number of
    hits; if a few values are far away from all others, about their number. For a normal distribution it is users / 3.
    0 if all values are the same.

    >>> round(effective_users(np.array([1.0, 1.0] + [0.0] * 198)), 1)
    2.0
    """
    if not len(values):
        return 0.0
    weights = (values - values.mean()) ** 2
    if weights.max() <= (1e-12 * np.abs(values).max()) ** 2:  # the same but for rounding
        return 0.0
    weights /= weights.max()  # tiny squares would be 0
    return float(weights.sum() ** 2 / (weights**2).sum())


def interval(values: np.ndarray, level: float = LEVEL) -> Interval:
    """Student's t interval of the mean of `values`, float64 [users], if `FEWEST` effective users decide it.

    With fewer, intervals of any kind miss the mean too often: what decides it may not be in the sample at all.
    NaN (undefined for a user) is left out. For two recommenders on the same users, pass the differences: that is the
    paired comparison. `level` is the coverage.
    """
    from scipy.special import stdtrit

    values = values[~np.isnan(values)]
    centre = float(values.mean()) if len(values) else np.nan
    if effective_users(values) < FEWEST:
        return Interval(centre, np.nan, np.nan)
    error = values.std(ddof=1) / len(values) ** 0.5
    half = float(stdtrit(len(values) - 1, (1 + level) / 2) * error)
    return Interval(centre, centre - half, centre + half)


def by_name(columns: Mapping[Name, np.ndarray]) -> dict[Name, Ends]:
    """{name: {mean, low, high}} of each column, rounded; ends are None if too few users decide the mean.

    Args:
        columns: float64 [users] each, by name; NaN where undefined. A column that is undefined for all users is
            left out.
    """
    return {
        name: {
            end: None if np.isnan(value) else round(value, DIGITS) for end, value in ends._asdict().items()
        }
        for name, values in columns.items()
        if not np.isnan((ends := interval(values)).mean)
    }
