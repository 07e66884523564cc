"""EASE: a linear item-to-item model in closed form (Steck, WWW 2019).

Ridge regression of each item on all others: with P = (XᵀX + l2 I)⁻¹, the weights are B = I - P / diag(P), column by
column. The score of item i is the sum of B[j, i] over the items j in the user's history. It takes seconds for a few
thousand items, and is hard to beat on warm items; it cannot score cold ones. Time grows with the cube of the
number of items, memory is about 24 bytes per pair of items.
"""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
import torch
from pydantic import Field
from scipy.linalg import inv

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models.baselines import Fitted, TrainData
from fusionrec.models.interaction_matrix import matrix
from fusionrec.params import Count, Positive, Section


class Options(Section):
    """Values of `l2` that are tried; catalogues of more than `max_items` are refused, since memory is quadratic."""

    l2: Annotated[list[Positive], Field(min_length=1)]
    max_items: Count


def fit(train: TrainData, options: Options) -> Iterator[Fitted]:
    """Compute the weights for each strength of the regularisation.

    A Cholesky factorisation for each takes less time than one decomposition into eigenvalues for all.

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
    chosen = matrix(train.histories, np.arange(len(train.histories)), items)
    gram = (chosen.T @ chosen).toarray()
    for l2 in options.l2:
        yield Fitted(EASE(gram, l2), {"l2": l2})


class EASE:
    """Ridge regression of each item's column of the interaction matrix on all others.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: with P = inverse(X'X + l2 I), the
    weights are B = I - P / diag(P), column by column, and zero on the diagonal; the score of a user is the sum
    of the rows of B of the user's past. Float64 up to B.

    Args:
        gram: float64 [items, items], X'X: the number of users who chose both items.
        l2: strength of the regularisation.
    """

    def __init__(self, gram: np.ndarray, l2: float):
        ridge = gram.copy()
        ridge[np.diag_indices_from(ridge)] += l2
        weights = inv(ridge, overwrite_a=True, assume_a="pos")
        weights /= -weights.diagonal().copy()
        np.fill_diagonal(weights, 0)
        self.weights = weights.astype(np.float32)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        chosen = matrix(past, users, len(self.weights)).astype(np.float32)
        return torch.from_numpy(chosen @ self.weights)
