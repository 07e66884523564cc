"""Baselines: recommenders that the model is compared with, one a file, fitted on the train interactions alone.

A module has two functions: `variants(options)`, the combinations of hyper-parameters that are tried, and
`fit(train, options, settings)`, the recommender of one combination. Its class `Options`, if it has one, are its
parameters in params.yaml, at `metrics.baselines.<name>`; without it `options` is None. `metrics.baselines.names`
selects the baselines.
"""

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, NamedTuple, Protocol

import numpy as np
import pandas as pd
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.recommender import Recommender
from fusionrec.params import Choosing

PACKAGE = "fusionrec.models.baselines"
Settings = dict[str, float]  # values of hyper-parameters, by name


class TrainData(NamedTuple):
    """All data that a baseline may be fitted on.

    Attributes:
        log: the train interactions: user, item (rows of the tables) and timestamp.
        histories: the same as histories of all users.
        items: size of the catalogue.
        seed: of baselines that draw.
    """

    log: pd.DataFrame
    histories: Histories
    items: int
    seed: int


class Baseline(Protocol):
    """The functions of each module of this package."""

    def variants(self, options: Any) -> list[Settings]:
        """The combinations that are tried, at least one; `[{}]` if there are no hyper-parameters."""
        ...

    def fit(self, train: TrainData, options: Any, settings: Settings) -> Recommender:
        """The recommender of one combination."""
        ...


class Fitted:
    """A fitted baseline, a `Recommender`, and the hyper-parameters that were chosen for it."""

    def __init__(self, recommender: Recommender, settings: Settings):
        self.recommender, self.settings = recommender, settings

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.recommender.score(users, past)


def combinations(**values: Sequence[float]) -> list[Settings]:
    """All combinations of the values of hyper-parameters; the last one varies fastest.

    >>> combinations(neighbours=[5, 50], shrinkage=[0, 10])[:2]
    [{'neighbours': 5, 'shrinkage': 0}, {'neighbours': 5, 'shrinkage': 10}]
    """
    return [dict(zip(values, chosen, strict=True)) for chosen in product(*values.values())]


def build(
    section: Choosing, train: TrainData, validation: Callable[[Recommender], float] | None
) -> dict[str, Fitted]:
    """Fit the baselines that are selected.

    Args:
        section: `metrics.baselines`.
        train: the only data that baselines are fitted on.
        validation: how good a recommender is on the validation part, more is better. If several combinations of
            hyper-parameters are tried, the best one is taken, the first of equals. None: the first one is taken.

    Returns:
        The baselines by name, in the order of the parameter.

    Raises:
        UserError: if the catalogue is too large for a baseline.
    """
    return {
        name: _best(section.module(name), section.own(name), train, validation) for name in section.selected()
    }


def _best(
    baseline: Baseline, options: Any, train: TrainData, validation: Callable[[Recommender], float] | None
) -> Fitted:
    variants = baseline.variants(options)
    fitted = (Fitted(baseline.fit(train, options, settings), settings) for settings in variants)
    return max(fitted, key=validation) if len(variants) > 1 and validation else next(fitted)
