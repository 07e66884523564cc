"""EASE: a linear item-to-item model in closed form."""

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models.interactions import matrix


class EASE:
    """Ridge regression of each item's column of the interaction matrix on all others.

    Steck, "Embarrassingly Shallow Autoencoders for Sparse Data", WWW 2019: with P = inverse(X'X + l2 I), the
    weights are B = I - P / diag(P), column by column, and zero on the diagonal; the score of a user is the sum
    of the rows of B of the user's past. Float64 up to B.

    Args:
        train: what to fit on.
        items: size of the catalogue.
        l2: strength of the regularisation.
        most: above so many items, the matrices of items x items are refused.

    Raises:
        UserError: if the catalogue is larger than `most`.
    """

    def __init__(self, train: Histories, items: int, l2: float, most: int):
        if items > most:
            raise UserError(
                f"metrics.baselines.names: ease inverts a matrix of {items:,} x {items:,} items, which takes "
                f"about {3 * 8 * items**2 / 2**30:,.0f} GB; take it off the list, or raise "
                f"metrics.baselines.max_ease_items, which is {most:,}"
            )
        self.settings = {"l2": l2}
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
