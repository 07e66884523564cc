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
    squared = np.empty(len(items))
    for start in range(0, len(items), 1024):  # bounds the memory
        part = slice(start, start + 1024)
        total = (vectors[items[part]].astype(np.float64) * known[part, :, None]).sum(1)
        squared[part] = np.square(total).sum(1)
    pairs = np.maximum(count * (count - 1), 1)
    return np.where(count > 1, 1 - (squared - count) / pairs, 0.0)
