"""Items by the number of their train users; the same for all users."""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.closed_form import Scores, TrainData
from fusionrec.models.contract import ModelData, Need
from fusionrec.params import Section


class Options(Section):
    """None."""


class Model(Scores):
    """The most chosen items."""

    needs: ClassVar[frozenset[Need]] = frozenset()
    counts: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.register_buffer("counts", torch.zeros(data.items))

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`: count the users of each item."""
        yield cls.counting(train.histories, options, data)

    @classmethod
    def counting(cls, histories: Histories, options: Any, data: ModelData) -> Self:
        """The model that counts the interactions of `histories`."""
        model = cls(options, data)
        model.counts[:] = torch.from_numpy(np.bincount(histories.items, minlength=data.items))
        return model

    def score_all(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Scores.score_all`."""
        return self.counts.repeat(len(users), 1)

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """See `Model.knows`: nobody."""
        return np.zeros(len(users), bool)
