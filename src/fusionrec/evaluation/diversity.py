"""Diversity inside a list."""

import numpy as np


def intra_list(items: np.ndarray, vectors: np.ndarray) -> np.ndarray:
    """Mean of 1 - cosine over all pairs of a list (Ziegler et al., WWW 2005; Smyth and McClave 2001).

    Computed from the norm of the summed unit vectors: the sum of all pairwise cosines is
    (|sum|^2 - n) / 2. Items without a vector are left out of the pairs.

    Args:
        items: int64 [users, k], -1 where a list is short.
        vectors: float32 [items, width], of length 1, or zero where an item has none.

    Returns:
        float64 [users], 0 for lists with fewer than two items that have vectors.

    >>> intra_list(np.array([[0, 1]]), np.array([[1.0, 0.0], [0.0, 1.0]]))
    array([1.])
    """
    known = (items >= 0) & (np.abs(vectors).sum(1) > 0)[items]
    count = known.sum(1)
    total = np.zeros((len(items), vectors.shape[1]))
    for rank in range(items.shape[1]):  # [users, k, width] at once would not fit
        total += vectors[items[:, rank]] * known[:, rank, None]
    squared = np.square(total).sum(1)
    pairs = np.maximum(count * (count - 1), 1)
    return np.where(count > 1, 1 - (squared - count) / pairs, 0.0)
