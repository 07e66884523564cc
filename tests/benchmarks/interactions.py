"""A generated log of any size, in the shape of a raw one: long-tailed items, uneven users, years of time."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

FIRST, LAST = 1_500_000_000, 1_700_000_000  # seconds since 1970
ZIPF = 0.8  # exponent of the items' popularity by rank
SPREAD = 1.0  # standard deviation of the logarithm of the users' activity


def generate(users: int, items: int, interactions: int, seed: int) -> pd.DataFrame:
    """Draw a log without repeated pairs, in the order of its timestamps.

    Args:
        users: how many at most; some may end up without an interaction.
        items: how many at most.
        interactions: rows, exactly; at most a half of all pairs, so that distinct ones are soon found.
        seed: of the generator.

    Returns:
        row (int64, 1-based), user_id, item_id (categories of strings), timestamp (strings of digits).
    """
    rng = np.random.default_rng(seed)
    activity = rng.lognormal(0, SPREAD, users)
    popularity = rng.permutation(np.arange(1, items + 1) ** -ZIPF)
    keys = np.zeros(0, np.int64)
    while len(keys) < interactions:
        missing = (interactions - len(keys)) * 5 // 4 + 100
        drawn = _draw(activity, missing, rng) * items + _draw(popularity, missing, rng)
        keys = np.unique(np.concatenate([keys, drawn]))
    keys = rng.permutation(keys)[:interactions]
    timestamp = np.sort(rng.integers(FIRST, LAST, interactions))
    return pd.DataFrame(
        {
            "row": np.arange(1, interactions + 1),
            "user_id": pd.Categorical.from_codes(keys // items, categories=names("u", users)),
            "item_id": pd.Categorical.from_codes(keys % items, categories=names("i", items)),
            "timestamp": pd.array(pc.cast(pa.array(timestamp), pa.string()), dtype="str"),
        }
    )


def names(letter: str, count: int) -> pd.Index:
    """Ids of one length, so that their order as strings is that of their numbers: u0000000, u0000001, ..."""
    return pd.Index([f"{letter}{number:07}" for number in range(count)], dtype="str")


def _draw(weight: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
    """int64 [count], indices with probabilities in proportion to `weight`."""
    cumulative = np.cumsum(weight)
    drawn = np.searchsorted(cumulative, rng.random(count) * cumulative[-1], side="right")
    return np.minimum(drawn, len(weight) - 1)
