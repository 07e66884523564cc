"""Means over the first k ranks of lists, for all cut-offs at once."""

import numpy as np


def means(values: np.ndarray, listed: np.ndarray, ks: list[int]) -> np.ndarray:
    """Mean of `values` over those of the first k ranks that hold an item, for each k.

    Args:
        values: float64 [users, length], one value a rank.
        listed: bool [users, length], false where a list is short.
        ks: cut-offs.

    Returns:
        float64 [users, len(ks)], NaN where nothing is listed.

    >>> means(np.array([[1.0, 3.0, 9.0]]), np.array([[True, True, False]]), [1, 2, 3])
    array([[1., 2., 2.]])
    """
    at_cut_offs = np.empty((len(values), len(ks)))
    for column, k in enumerate(ks):
        count = listed[:, :k].sum(1)
        total = np.einsum("uk,uk->u", values[:, :k], listed[:, :k].astype(np.float64))
        at_cut_offs[:, column] = np.where(count > 0, total / np.maximum(count, 1), np.nan)
    return at_cut_offs
