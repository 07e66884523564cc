"""Coverage of the intervals by simulation: how often they hold the true mean, if they are printed at all.

Users are drawn from populations of metrics as they occur, whose mean is known. Judged are the settings in which at
least half of the samples get an interval. In the others an interval is printed only after a sample with unusually
many hits, and no interval that is chosen in this way holds the mean as often as it says.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pytest

from fusionrec.evaluation import intervals, significance

SIZE = 100_000  # users of a population
RATES = (0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.35, 0.5)  # probabilities of a hit
USERS = (50, 200, 1000)  # of a sample
RANKS = np.arange(1, 11)


class Coverage(NamedTuple):
    """Of one population and number of users: the share of samples with an interval, and how many of these hold."""

    name: str
    users: int
    printed: float
    covered: float


def one_held_out(rng: np.random.Generator, rate: float) -> dict[str, np.ndarray]:
    """Metrics at 10 of users with one held-out item; hits are more frequent at the first ranks."""
    rank = rng.choice(RANKS, SIZE, p=RANKS**-0.5 / (RANKS**-0.5).sum())
    hit = rng.random(SIZE) < rate
    return {"recall": hit * 1.0, "ndcg": hit / np.log2(rank + 1), "mrr": hit / rank}


def several_held_out(rng: np.random.Generator, rate: float) -> dict[str, np.ndarray]:
    """Recall and ndcg at 10 of users with 1 to 40 held-out items, who differ in how well they are known."""
    items = np.minimum(rng.geometric(0.2, SIZE), 40)
    hits = rng.binomial(np.minimum(items, 10), np.minimum(rng.gamma(1, rate, SIZE), 1))
    discount = 1 / np.log2(RANKS + 1)
    gain = ((rng.random((SIZE, 10)).argsort(1) < hits[:, None]) * discount).sum(1)
    return {
        "recall of several": hits / items,
        "ndcg of several": gain / discount.cumsum()[np.minimum(items, 10) - 1],
    }


def serendipity(rng: np.random.Generator, rate: float) -> dict[str, np.ndarray]:
    """Hits times surprise, which is often near 0."""
    return {
        f"serendipity {shape}": (rng.random(SIZE) < rate) * rng.beta(shape, 3, SIZE) / 10
        for shape in (0.3, 2)
    }


def dense(rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Metrics with a value for each user."""
    return {
        "novelty": rng.normal(6, 0.7, SIZE),
        "average popularity": rng.gamma(2, 20, SIZE),
        "diversity": rng.beta(9, 1.2, SIZE),
        "tail share": rng.binomial(10, 0.1, SIZE) / 10,
    }


def differences(rng: np.random.Generator, rate: float, alike: float) -> np.ndarray:
    """ndcg of a model minus that of one with fewer hits; a share `alike` of users has the same hits in both."""
    first = rng.random(SIZE) < rate
    second = np.where(rng.random(SIZE) < alike, first, rng.random(SIZE) < 0.7 * rate)
    rank = rng.choice(RANKS, (2, SIZE))
    return first / np.log2(rank[0] + 1) - second / np.log2(np.where(rng.random(SIZE) < alike, *rank) + 1)


def populations(rng: np.random.Generator, rates: tuple[float, ...]) -> Iterator[tuple[str, np.ndarray]]:
    """A name and the values of all users, for each kind of metric and probability of a hit."""
    yield from dense(rng).items()
    for rate in rates:
        for made in (one_held_out, several_held_out, serendipity):
            for name, values in made(rng, rate).items():
                yield f"{name}, hits {rate}", values
        for alike in (0, 0.5, 0.9):
            yield f"difference, alike {alike}, hits {rate}", differences(rng, rate, alike)


def coverage(rng: np.random.Generator, rates: tuple[float, ...], samples: int) -> list[Coverage]:
    """Draw samples of users from each population; those with an interval in half of the samples or more."""
    measured = []
    for name, values in populations(rng, rates):
        truth = values.mean()
        for users in USERS:
            drawn = (intervals.interval(values[rng.integers(0, SIZE, users)]) for _ in range(samples))
            held = [low <= truth <= high for _, low, high in drawn if not np.isnan(low)]
            if len(held) >= samples / 2:
                measured.append(Coverage(name, users, len(held) / samples, float(np.mean(held))))
    return measured


def test_a_few_kinds() -> None:
    measured = coverage(np.random.default_rng(1), (0.02, 0.2), 300)
    assert len(measured) > 20
    assert min(cell.covered for cell in measured) > 0.9, min(measured, key=lambda cell: cell.covered)
    assert 0.94 < np.mean([cell.covered for cell in measured]) < 0.965


@pytest.mark.slow
def test_all_kinds() -> None:
    samples = 2000
    measured = coverage(np.random.default_rng(2), RATES, samples)
    noise = 3 * np.sqrt(0.05 * 0.95 / samples)  # of a simulated coverage
    covered = np.array([cell.covered for cell in measured])
    assert covered.min() > 0.93 - noise, min(measured, key=lambda cell: cell.covered)
    assert covered.max() < 0.985 + noise, max(measured, key=lambda cell: cell.covered)
    assert np.mean(covered > 0.97) < 0.1, "near the threshold intervals are a little too wide"
    assert 0.945 < covered.mean() < 0.955 and len(measured) > 80


@pytest.mark.slow
@pytest.mark.parametrize("users", USERS)
def test_whatever_the_probability_of_a_hit(users: int) -> None:
    """Over settings that differ, as those of different data sets do, with an interval printed in any of them."""
    rng, held = np.random.default_rng(users), []
    made = [one_held_out(rng, rate)["ndcg"] for rate in np.geomspace(0.002, 0.9, 60)]
    for draw in range(10_000):
        values = made[draw % len(made)]
        _, low, high = intervals.interval(values[rng.integers(0, SIZE, users)])
        held += [low <= values.mean() <= high] * (not np.isnan(low))
    assert 0.93 < np.mean(held) < 0.97 and len(held) > 400


@pytest.mark.slow
@pytest.mark.parametrize("tests", [1, 10])
def test_models_with_the_same_mean_are_seldom_called_different(tests: int) -> None:
    """The level holds far in the tails too, where it is corrected for several tests."""
    rng, samples = np.random.default_rng(3), 8_000
    for rate, users in ((0.05, 1000), (0.2, 200), (0.2, 1000)):
        gain = one_held_out(rng, rate)["ndcg"]
        called = 0
        for _ in range(samples):
            a, b = gain[rng.integers(0, SIZE, (2, 1, users))]
            called += significance.difference(a, b, tests).p < 0.05
        assert called / samples < 1.3 * 0.05 / tests
