"""Diversity inside a list: how different its items are by their pictures, texts and sounds.

- `diversity`: mean of 1 - cosine over the pairs of items in a list

Compared is what the model itself knows of pictures and texts: the vectors in its checkpoint, each of length 1, side
by side. Where both are switched off there is no diversity.
"""

import numpy as np

from fusionrec.evaluation.metrics import Figures, Ranked, at_cut_offs

CHUNK = 4096  # users whose sums of vectors stay in a CPU's cache


def measure(ranked: Ranked) -> Figures:
    """Intra-list diversity, one value for each user and cut-off; nothing where items have no content vectors."""
    if not ranked.vectors.shape[1]:
        return {}
    return at_cut_offs(ranked.ks, diversity=intra_list(ranked.items, ranked.vectors, ranked.ks))


def intra_list(items: np.ndarray, vectors: np.ndarray, ks: list[int]) -> np.ndarray:
    """Mean of 1 - cosine over all pairs of a list (Ziegler et al., WWW 2005; Smyth and McClave 2001).

    Computed from the norm of the summed unit vectors: the sum of all pairwise cosines is (|sum|^2 - n) / 2.
    Items without a vector are left out of the pairs.

    Args:
        items: int64 [users, length], ranked lists, -1 where a list is short.
        vectors: float32 [items, width], of length 1, or zero where an item has none.
        ks: cut-offs.

    Returns:
        float64 [users, len(ks)], NaN for lists with fewer than two items that have vectors.

    >>> intra_list(np.array([[0, 1, 0]]), np.array([[1.0, 0.0], [0.0, 1.0]]), [2, 3]).round(4)
    array([[1.    , 0.6667]])
    """
    known = (items >= 0) & (vectors != 0).any(axis=1)[items]
    padded = np.concatenate([vectors, np.zeros((1, vectors.shape[1]), vectors.dtype)])  # its last row for -1
    parts = [_squared_sums(items[s : s + CHUNK], padded, ks) for s in range(0, len(items), CHUNK)]
    squared = np.concatenate(parts) if parts else np.zeros((0, len(ks)))
    count = np.stack([known[:, :k].sum(1) for k in ks], 1)
    pairs = np.maximum(count * (count - 1), 1)
    return np.where(count > 1, 1 - (squared - count) / pairs, np.nan)


def _squared_sums(items: np.ndarray, vectors: np.ndarray, ks: list[int]) -> np.ndarray:
    """float64 [users, len(ks)]: |sum of the vectors up to each k|^2."""
    total = np.zeros((len(items), vectors.shape[1]))
    squared = np.zeros((len(items), len(ks)))
    for rank in range(items.shape[1]):
        total += vectors[items[:, rank]]
        for column in (c for c, k in enumerate(ks) if k == rank + 1):
            squared[:, column] = np.einsum("uw,uw->u", total, total)
    for column in (c for c, k in enumerate(ks) if k > items.shape[1]):
        squared[:, column] = np.einsum("uw,uw->u", total, total)
    return squared


def content_vectors(parts: list[np.ndarray], items: int) -> np.ndarray:
    """The vectors of all modalities side by side, each of length 1, and of length 1 together.

    Args:
        parts: float32 [items, width] each, zero where an item has none; there may be no parts.
        items: size of the catalogue.

    Returns:
        float32 [items, sum of the widths], zero where an item has none.
    """
    return _unit(np.concatenate([np.zeros((items, 0), np.float32), *map(_unit, parts)], 1))


def _unit(matrix: np.ndarray) -> np.ndarray:
    length = np.sqrt(np.square(matrix.astype(np.float64)).sum(1, keepdims=True))
    return (matrix / np.maximum(length, 1e-12)).astype(np.float32)
