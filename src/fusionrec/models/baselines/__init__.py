"""Baselines: recommenders that the model is compared with, one a file, fitted on the train interactions alone.

A module has a function `fit(train, options)`, which yields a recommender for each combination of hyper-parameters; what
combinations have in common is computed once. Its class `Options`, if it has one, are its parameters in params.yaml, at
`metrics.baselines.<name>`; without it `options` is None. `metrics.baselines.names` selects the baselines.
"""

from collections.abc import Callable, Iterable
from itertools import chain
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


class Fitted:
    """A fitted baseline, a `Recommender`, and its hyper-parameters, `{}` if it has none."""

    def __init__(self, recommender: Recommender, settings: Settings):
        self.recommender, self.settings = recommender, settings

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.recommender.score(users, past)


class Baseline(Protocol):
    """The function of each module of this package."""

    def fit(self, train: TrainData, options: Any) -> Iterable[Fitted]:
        """The recommender of each combination that is tried, at least one, when it is asked for."""
        ...


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
    fitted = iter(baseline.fit(train, options))
    first, second = next(fitted), next(fitted, None) if validation else None
    if validation is None or second is None:
        return first
    return max(chain([first, second], fitted), key=validation)
