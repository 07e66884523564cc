"""EASE: a linear item-to-item model in closed form (Steck, WWW 2019).

Ridge regression of each item on all others: with P = (XᵀX + l2 I)⁻¹, the weights are B = I - P / diag(P), column by
column. The score of item i is the sum of B[j, i] over the items j in the user's history. It takes seconds for a few
thousand items, and is hard to beat on warm items; it cannot score cold ones. Time grows with the cube of the
number of items, memory is about 24 bytes per pair of items.
"""

from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models.baselines import Settings, TrainData, combinations
from fusionrec.models.interaction_matrix import matrix
from fusionrec.params import Count, Positive, Section


class Options(Section):
    """Values of `l2` that are tried; catalogues of more than `max_items` are refused, since memory is quadratic."""

    l2: Annotated[list[Positive], Field(min_length=1)]
    max_items: Count


def variants(options: Options) -> list[Settings]:
    """All strengths of the regularisation."""
    return combinations(l2=options.l2)


def fit(train: TrainData, options: Options, settings: Settings) -> "EASE":
    """Compute the weights.

    Raises:
        UserError: if the catalogue is larger than `options.max_items`.
    """
    items, most = train.items, options.max_items
    if items > most:
        raise UserError(
            f"metrics.baselines.names: ease inverts a matrix of {items:,} x {items:,} items, which takes about "
            f"{3 * 8 * items**2 / 2**30:,.0f} GB; remove it from the list, or raise "
            f"metrics.baselines.ease.max_items, which is {most:,}"
        )
    return EASE(train.histories, items, settings["l2"])


class EASE:
    """Ridge regression of each item's column of the interaction matrix on all others.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: with P = inverse(X'X + l2 I), the
    weights are B = I - P / diag(P), column by column, and zero on the diagonal; the score of a user is the sum
    of the rows of B of the user's past. Float64 up to B.

    Args:
        train: what to fit on.
        items: size of the catalogue.
        l2: strength of the regularisation.
    """

    def __init__(self, train: Histories, items: int, l2: float):
        chosen = matrix(train, np.arange(len(train)), items)
        gram = torch.from_numpy((chosen.T @ chosen).toarray())
        gram.diagonal().add_(l2)
        inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram))
        weights = inverse.div_(-inverse.diagonal()[None].clone())
        weights.diagonal().zero_()
        self.weights = weights.float().numpy()

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        chosen = matrix(past, users, len(self.weights)).astype(np.float32)
        return torch.from_numpy(chosen @ self.weights)
