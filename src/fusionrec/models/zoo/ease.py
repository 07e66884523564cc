"""EASE: a linear item-to-item model in closed form (Steck, WWW 2019).

Ridge regression of each item on all others: with P = (XᵀX + l2 I)⁻¹, the weights are B = I - P / diag(P), column by
column. The score of item i is the sum of B[j, i] over the items j in the user's history. It takes seconds for a few
thousand items, and is hard to beat on warm items; it cannot score cold ones. Time grows with the cube of the
number of items, memory is about 24 bytes per pair of items.
"""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field

from fusionrec.data.histories import Histories
from fusionrec.models.closed_form import Scores, TrainData, single
from fusionrec.models.contract import ModelData, Need
from fusionrec.models.ease_weights import check_size, item_gram, solve
from fusionrec.models.interaction_matrix import matrix
from fusionrec.params import Count, Positive, Section


class Options(Section):
    """Values of `l2` that are tried; catalogues of more than `max_items` are refused, since memory is quadratic."""

    l2: Annotated[list[Positive], Field(min_length=1)]
    max_items: Count


class Model(Scores):
    """Ridge regression of each item's column of the interaction matrix on all others.

    The weights B are zero on the diagonal; the score of a user is the sum of the rows of B of the user's past.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    weights: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.register_buffer("weights", torch.zeros(data.items, data.items))

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`.

        A Cholesky factorisation for each strength takes less time than one decomposition into eigenvalues for all.

        Raises:
            UserError: if the catalogue is larger than `options.max_items`.
        """
        check_size("ease", data.items, options.max_items)
        gram = item_gram(train.histories, data.items)
        for l2 in options.l2:
            model = cls(single(options, l2=l2), data)
            model.weights[:] = torch.from_numpy(solve(gram, l2))
            yield model

    def score_all(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Scores.score_all`."""
        chosen = matrix(past, users, len(self.weights)).astype(np.float32)
        return torch.from_numpy(chosen @ self.weights.cpu().numpy())
