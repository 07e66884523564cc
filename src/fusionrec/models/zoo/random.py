"""Random scores, drawn uniformly with a separate generator for each user."""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.closed_form import Scores, TrainData
from fusionrec.models.contract import ModelData, Need
from fusionrec.models.uniform_scores import UniformScores
from fusionrec.params import Section


class Options(Section):
    """None."""


class Model(Scores):
    """Random scores."""

    needs: ClassVar[frozenset[Need]] = frozenset()
    ranks_untrained_items: ClassVar[bool | None] = True  # as well as any other
    seed: torch.Tensor

    @classmethod
    def draws(cls, options: Any) -> bool:
        """See `ClosedForm.draws`: all scores."""
        return True

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.items = data.items
        self.register_buffer("seed", torch.zeros((), dtype=torch.int64))

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`: keep the seed."""
        model = cls(options, data)
        model.seed.fill_(train.seed)
        yield model

    def score_all(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Scores.score_all`."""
        return UniformScores(int(self.seed), self.items).score(users, past)
