"""The weights of EASE (Steck, WWW 2019), which other models use too."""

import numpy as np
from scipy.linalg import inv

from fusionrec.data.histories import Histories
from fusionrec.errors import UnsuitableDataError
from fusionrec.models.interaction_matrix import matrix


def check_size(name: str, items: int, most: int) -> None:
    """Refuse catalogues whose matrix of items x items is too large.

    Raises:
        UnsuitableDataError: if there are more than `most` items.
    """
    if items > most:
        raise UnsuitableDataError(
            f"{name}: needs matrices of {items:,} x {items:,} items, which take about "
            f"{3 * 8 * items**2 / 2**30:,.0f} GB; choose another model.name, or raise its "
            f"max_items, which is {most:,}"
        )


def item_gram(histories: Histories, items: int) -> np.ndarray:
    """float64 [items, items], XᵀX: the number of users who chose both items."""
    chosen = matrix(histories, np.arange(len(histories)), items)
    gram: np.ndarray = (chosen.T @ chosen).toarray()
    return gram


def solve(gram: np.ndarray, l2: float) -> np.ndarray:
    """float32 [items, items]: the weights B of a Gram matrix, float64 [items, items]; float64 up to the end."""
    ridge = gram.copy()
    ridge[np.diag_indices_from(ridge)] += l2
    weights = inv(ridge, overwrite_a=True, assume_a="pos")
    weights /= -weights.diagonal().copy()
    np.fill_diagonal(weights, 0)
    rounded: np.ndarray = weights.astype(np.float32)
    return rounded
