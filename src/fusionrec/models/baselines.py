"""Recommenders that every model is measured against, fitted on train alone, and the demo's oracle."""

from collections.abc import Callable, Iterable
from itertools import product
from typing import Protocol

import numpy as np
import pandas as pd
import torch

from fusionrec import params
from fusionrec.data.histories import Histories
from fusionrec.models.ease import EASE
from fusionrec.models.neighbours import ItemKNN, UserKNN
from fusionrec.models.recommender import Recommender


class Baseline(Recommender, Protocol):
    """A `Recommender` that says what was chosen for it: its hyper-parameters by name, if it has any."""

    settings: dict[str, float]


def build(
    names: Iterable[str],
    log: pd.DataFrame,
    users: int,
    items: int,
    options: params.Baselines,
    validation: Callable[[Recommender], float] | None,
    seed: int,
) -> dict[str, Baseline]:
    """The baselines `names`, in that order.

    Args:
        names: of `params.Baselines.names`.
        log: the train log; nothing else is fitted on.
        users: rows of the user table.
        items: rows of the catalogue.
        options: what is tried.
        validation: how good a recommender is on the validation part, more is better; where a list of options
            has several values, the best is taken, the first of equals. None: the first values are taken.
        seed: of `random`.

    Raises:
        UserError: if the catalogue is too large for `ease`.
    """
    train = Histories.of(log, users)
    found = {}
    for name in names:
        first, *others = _variants(name, options)
        tried = (_fit(name, values, log, train, items, options, seed) for values in (first, *others))
        found[name] = max(tried, key=validation) if others and validation else next(tried)
    return found


def _variants(name: str, options: params.Baselines) -> list[tuple[float, ...]]:
    """The hyper-parameters that are tried."""
    if name in ("item_knn", "user_knn"):
        return list(product(options.neighbours, options.shrinkage))
    return [(l2,) for l2 in options.l2] if name == "ease" else [()]


def _fit(
    name: str,
    values: tuple[float, ...],
    log: pd.DataFrame,
    train: Histories,
    items: int,
    options: params.Baselines,
    seed: int,
) -> Baseline:
    if name == "random":
        return Random(seed, items)
    if name == "popularity":
        return Popularity(train, items)
    if name == "recent_popularity":
        return Popularity(Histories.of(recent(log, options.recent), len(train)), items)
    if name == "ease":
        (l2,) = values
        return EASE(train, items, l2, options.max_ease_items)
    neighbours, shrinkage = values
    if name == "item_knn":
        return ItemKNN(train, items, int(neighbours), shrinkage)
    return UserKNN(train, items, int(neighbours), shrinkage)


def recent(log: pd.DataFrame, share: float) -> pd.DataFrame:
    """The interactions in the last `share` of the time that `log` covers."""
    time = log["timestamp"].to_numpy()
    if not len(time):
        return log
    return log[time >= time.max() - share * (time.max() - time.min())]


class Popularity:
    """Items by the number of their train users; the same for everybody."""

    def __init__(self, train: Histories, items: int):
        self.settings: dict[str, float] = {}
        self.counts = torch.from_numpy(np.bincount(train.items, minlength=items)).float()

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.counts.repeat(len(users), 1)


class Random:
    """Uniform scores from a generator of each user's own, so that no chunking changes them."""

    def __init__(self, seed: int, items: int):
        self.settings: dict[str, float] = {}
        self.seed, self.items = seed, items

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        drawn = np.empty((len(users), self.items), np.float32)
        for user, row in zip(users, drawn, strict=True):
            np.random.default_rng([self.seed, user]).random(out=row, dtype=np.float32)
        return torch.from_numpy(drawn)


class Fixed:
    """Scores that are known beforehand: float32 [users, items]; the oracle, on the demo."""

    def __init__(self, scores: np.ndarray):
        self.scores = torch.from_numpy(scores)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.scores[torch.from_numpy(users)]
