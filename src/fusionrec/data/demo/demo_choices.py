"""Simulated users of the generated catalogue: traits, tastes and choices over time.

Every item has one value of each trait. A user's taste is a weight for each value of each trait, drawn
from a heavy-tailed distribution, so each user likes a few values much and the rest hardly. The sum of the
weights of the item's values and its popularity is its utility. At every visit a user chooses one item that is
launched and not yet chosen, with probability softmax(utility). Items are launched, and users arrive, over a
year.
"""

from typing import NamedTuple

import numpy as np

START = 1_704_067_200  # seconds since 1970: the first of January 2024
YEAR = 365 * 86_400
TASTE_SHAPE = 0.15  # of the gamma distribution of weights: smaller is more extreme
TASTE_SCALE = 1.4  # mean weight; larger makes choices more predictable
FOCUS_SHAPE = 1.4  # how evenly users care about the traits
LEAST_CHOICES = 6  # of each user, if the total is large enough
EARLY_ITEMS = 0.4  # share of the catalogue that is launched at the start


class Choices(NamedTuple):
    """Rows of users and items and seconds since 1970: three int64 arrays, sorted by time."""

    users: np.ndarray
    items: np.ndarray
    times: np.ndarray


def draw_traits(rng: np.random.Generator, items: int, traits: dict[str, int]) -> np.ndarray:
    """Draw the value of each trait of each item; a trait's first values are the most frequent.

    Args:
        rng: the generator.
        items: how many.
        traits: the number of values of each trait.

    Returns:
        int64 [items, traits].
    """
    columns = []
    for values in traits.values():
        share = 1 / np.arange(3.0, values + 3.0)
        columns.append(rng.choice(values, items, p=share / share.sum()))
    return np.stack(columns, axis=1)


def one_hot(values: np.ndarray, traits: dict[str, int]) -> np.ndarray:
    """float32 [items, trait values] from the int64 [items, traits] of `draw_traits`."""
    return np.concatenate(
        [np.eye(n, dtype=np.float32)[values[:, t]] for t, n in enumerate(traits.values())], axis=1
    )


def draw_taste(rng: np.random.Generator, users: int, traits: dict[str, int]) -> np.ndarray:
    """float32 [users, trait values]: focus on the trait times a heavy-tailed weight of the value."""
    parts = []
    for values in traits.values():
        focus = rng.gamma(FOCUS_SHAPE, 1 / FOCUS_SHAPE, (users, 1))
        parts.append(focus * rng.gamma(TASTE_SHAPE, TASTE_SCALE / TASTE_SHAPE, (users, values)))
    return np.concatenate(parts, axis=1).astype(np.float32)


def draw_choices(rng: np.random.Generator, utility: np.ndarray, count: int) -> Choices:
    """Draw `count` choices in all; no user has more choices than there are items at the start.

    Args:
        rng: the generator.
        utility: float32 [users, items].
        count: interactions in all.
    """
    users, items = utility.shape
    early = int(items * EARLY_ITEMS)
    launched = START + rng.permutation(np.r_[np.zeros(early), YEAR * rng.random(items - early) ** 0.3])
    parts = []
    for user, visits in enumerate(_draw_visits(rng, users, count, most=early)):
        left = utility[user].astype(np.float64)
        chosen = np.empty_like(visits)
        for visit, time in enumerate(visits):
            # the largest of utility + Gumbel noise is a draw from softmax(utility)
            choice = np.argmax(np.where(launched <= time, left + rng.gumbel(size=items), -np.inf))
            chosen[visit], left[choice] = choice, -np.inf
        parts.append(np.stack([np.full_like(visits, user), chosen, visits]))
    log = np.concatenate(parts, axis=1)
    return Choices(*log[:, np.lexsort((log[0], log[2]))])


def _draw_visits(rng: np.random.Generator, users: int, count: int, most: int) -> list[np.ndarray]:
    """The times of each user's visits, ascending, between a random arrival and a random departure."""
    least = min(LEAST_CHOICES, count // users)
    activity = rng.gamma(1.5, 1.0, users)
    visits = least + rng.multinomial(count - least * users, activity / activity.sum())
    arrival = rng.random(users) * 0.8 * YEAR
    departure = arrival + (YEAR - arrival) * (0.5 + 0.5 * rng.random(users))
    return [
        START + np.sort(rng.integers(int(first), int(last) + 1, min(int(n), most)))
        for first, last, n in zip(arrival, departure, visits, strict=True)
    ]
