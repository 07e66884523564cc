"""Smoothed choices: what users with similar histories would choose too."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.linalg import svds

from fusionrec.data.histories import Histories
from fusionrec.models.ease_weights import item_gram, solve
from fusionrec.models.interaction_matrix import matrix
from fusionrec.params import Count, Natural, Positive, Section, Weight


class Smoothing(Section):
    """EASE with the strength `l2`; above `max_items` train items, the `rank` largest singular vectors of X.

    `own` is how much a user's own choices count in addition.
    """

    l2: Positive
    own: Weight
    max_items: Natural
    rank: Count


class Smoother:
    """P = (left right + own I) diag(scale), a linear map of choices to smoothed choices.

    Args:
        left: float64 [items, r].
        right: float64 [r, items]; None: the identity.
        own: what the choices themselves weigh.
        scale: float64 [items], of the columns.
    """

    def __init__(self, left: np.ndarray, right: np.ndarray | None, own: float, scale: np.ndarray):
        self.left, self.right, self.own, self.scale = left, right, own, scale

    def times(self, other: np.ndarray) -> np.ndarray:
        """P other, [items, n], for `other` [items, n]."""
        scaled = other * self.scale[:, None]
        inner = scaled if self.right is None else self.right @ scaled
        found: np.ndarray = self.left @ inner + self.own * scaled
        return found

    def of(self, chosen: csr_array) -> np.ndarray:
        """X P, [users, items], for X [users, items]."""
        inner = chosen @ self.left
        smoothed = inner if self.right is None else inner @ self.right
        found: np.ndarray = (smoothed + self.own * chosen.toarray()) * self.scale
        return found


def fit(train: Histories, known: np.ndarray, scale: np.ndarray, options: Smoothing) -> Smoother:
    """The smoother of train items.

    EASE is P = B (Steck, WWW 2019). The other one is P = V Vᵀ with the right singular vectors V of X, as in PureSVD
    (Cremonesi et al., RecSys 2010).

    Args:
        train: the train histories.
        known: bool [items], the train items.
        scale: float64 [train items], of the columns of P.
        options: parameters.
    """
    items = int(known.sum())
    if items <= options.max_items:
        weights = solve(item_gram(train, len(known)), options.l2)[np.ix_(known, known)]
        return Smoother(weights, None, options.own, scale)
    chosen = matrix(train, np.arange(len(train)), len(known))[:, known]
    rank = min(options.rank, min(chosen.shape) - 1)
    right = svds(chosen, rank, v0=np.ones(min(chosen.shape)), return_singular_vectors="vh")[2]
    return Smoother(right.T, right, options.own, scale)
