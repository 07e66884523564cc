"""Models in closed form: their weights are computed from the train interactions at once, without steps or epochs.

Options that are lists are hyper-parameters to try: all combinations are fitted, and the one that is best on validation
is kept. Such a model is what `model.name` selects, or a baseline in `metrics.baselines.names`.
"""

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, NamedTuple, Self

import numpy as np
import pandas as pd
import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import Model, ModelData, Towers
from fusionrec.models.trained_model import TrainedModel


class TrainData(NamedTuple):
    """All interactions that a model in closed form may be fitted on.

    Attributes:
        log: the train interactions: user, item (rows of the tables) and timestamp.
        histories: the same as histories of all users.
        seed: of models that draw.
    """

    log: pd.DataFrame
    histories: Histories
    seed: int


class ClosedForm(Model):
    """The base class of models in closed form. Users are what they chose: nothing is learned about a user's id.

    Weights are buffers, zero until `fit` or a checkpoint fills them. Their shapes follow from options and data.
    """

    @classmethod
    def draws(cls, options: Any) -> bool:
        """Whether weights depend on the seed."""
        return False

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """A model for each combination of hyper-parameters, at least one; each is computed when it is asked for.

        What combinations have in common is computed once.

        Raises:
            UserError: if the catalogue is too large.
        """
        raise NotImplementedError

    @property
    def weight_count(self) -> int:
        """See `Model.weight_count`."""
        return sum(weight.numel() for weight in self.buffers())

    @property
    def settings(self) -> dict[str, Any]:
        """See `Model.settings`: of options that are lists, the value that was chosen."""
        options = self.options.model_dump().items()
        return {name: value[0] for name, value in options if isinstance(value, list)}

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """See `Model.knows`: users with a history."""
        known: np.ndarray = past.count(users) > 0
        return known

    def user_vectors_of(self, towers: Towers, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Model.user_vectors_of`; from the whole history."""
        latest = past.latest(users, int(past.count(users).max(initial=0)))
        device = towers.history.device
        return self.user_vectors(
            towers, torch.from_numpy(users).to(device), torch.from_numpy(latest).to(device)
        )


class Scores(ClosedForm):
    """A model in closed form that computes scores without vectors of users and items.

    Subclasses define `score_all`.
    """

    ranks_by_inner_product = False

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `Model.towers`: vectors of width 0."""
        items = len(content.trained) if candidates is None else len(candidates)
        bias = torch.zeros(items, device=content.trained.device)
        return Towers(bias[:, None][:, :0], bias, bias[:, None][:, :0])

    def score_all(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """float32 [n, items]: the scores of all items for `users`, int64 [n], on any device."""
        raise NotImplementedError

    def scores(self, towers: Towers, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Model.scores`."""
        return self.score_all(users, past).to(towers.bias.device)


def single(options: Any, **chosen: Any) -> Any:
    """Options of one combination: each of `chosen` as a list of one value."""
    return options.model_copy(update={name: [value] for name, value in chosen.items()})


def candidates(
    kind: type[ClosedForm], options: Any, data: ModelData, train: TrainData
) -> Iterator[TrainedModel]:
    """The model of each combination of hyper-parameters, ready to score."""
    for model in kind.fit(options, data, train):
        yield TrainedModel(model, data.content)


def best(fitted: Iterator[TrainedModel], validation: Callable[[TrainedModel], float] | None) -> TrainedModel:
    """The model that is best on validation, more is better; the first of equals.

    Args:
        fitted: of `candidates`.
        validation: how good a model is. None: the first one is taken; it is not called for a single one.
    """
    first, second = next(fitted), next(fitted, None) if validation else None
    if validation is None or second is None:
        return first
    return max(chain([first, second], fitted), key=validation)
