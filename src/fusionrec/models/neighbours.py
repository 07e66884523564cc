"""Nearest neighbours by cosine with shrinkage, of items or of users.

The similarity of two sets is |A and B| / (sqrt(|A| |B|) + shrinkage); shrinkage reduces similarities that few
choices support (Bell and Koren, ICDM 2007; as in Ferrari Dacrema et al., RecSys 2019). Counts are exact, so that
neither order nor chunks change a bit.
"""

from typing import Annotated

import numpy as np
from pydantic import Field
from scipy.sparse import csr_array

from fusionrec.params import Count, Section, Weight

VALUES = 2**24  # similarities that are in memory at once


class NeighbourOptions(Section):
    """Numbers of `neighbours` and values of `shrinkage` that are tried."""

    neighbours: Annotated[list[Count], Field(min_length=1)]
    shrinkage: Annotated[list[Weight], Field(min_length=1)]


def chunks(rows: int, columns: int) -> list[np.ndarray]:
    """All rows, int64 in parts, so that a part times `columns` is at most `VALUES` similarities."""
    length = max(1, VALUES // max(columns, 1))
    return [np.arange(start, min(start + length, rows)) for start in range(0, rows, length)]


def cosine(overlap: csr_array, left: np.ndarray, right: np.ndarray, shrinkage: float) -> csr_array:
    """Similarities of sets.

    Args:
        overlap: [rows, columns], how many members two sets have in common.
        left: int64 [rows], sizes of the sets.
        right: int64 [columns], likewise.
        shrinkage: see the module.
    """
    overlap.sort_indices()
    product = np.repeat(left, np.diff(overlap.indptr)) * right[overlap.indices].astype(np.float64)
    return csr_array(
        (overlap.data / (np.sqrt(product) + shrinkage), overlap.indices, overlap.indptr), overlap.shape
    )


def without(similarity: csr_array, own: np.ndarray) -> csr_array:
    """`similarity` without the entry of column own[i] in each row i."""
    row = np.repeat(np.arange(len(own)), np.diff(similarity.indptr))
    return _kept(similarity, row, similarity.indices != own[row])


def nearest(similarity: csr_array, k: int) -> csr_array:
    """Only the k largest entries of each row, ties by column. The indices of `similarity` must be sorted."""
    counts = np.diff(similarity.indptr)
    if counts.max(initial=0) <= k:
        return similarity
    row = np.repeat(np.arange(similarity.shape[0]), counts)
    order = np.lexsort((-similarity.data, row))  # stable: columns ascend among equals
    rank = np.arange(len(order)) - similarity.indptr[row]
    keep = np.zeros(len(order), bool)
    keep[order[rank < k]] = True
    return _kept(similarity, row, keep)


def _kept(similarity: csr_array, row: np.ndarray, keep: np.ndarray) -> csr_array:
    counts = np.bincount(row[keep], minlength=similarity.shape[0])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return csr_array((similarity.data[keep], similarity.indices[keep], offsets), similarity.shape)


def padded(similarity: csr_array, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns, int64, and entries, float64, of each row: [rows, width], padded with -1 and 0.

    >>> columns, values = padded(csr_array(np.array([[0, 0.5, 0.7], [0, 0, 0]])), 2)
    >>> columns.tolist(), values.tolist()
    ([[1, 2], [-1, -1]], [[0.5, 0.7], [0.0, 0.0]])
    """
    counts = np.diff(similarity.indptr)
    inside = np.arange(width) < counts[:, None]
    columns, values = np.full(inside.shape, -1, np.int64), np.zeros(inside.shape)
    columns[inside], values[inside] = similarity.indices, similarity.data
    return columns, values


def unpadded(columns: np.ndarray, values: np.ndarray, width: int) -> csr_array:
    """The matrix [rows, width] of which `padded` made `columns` and `values`."""
    inside = columns >= 0
    offsets = np.concatenate([[0], np.cumsum(inside.sum(1))])
    return csr_array((values[inside], columns[inside], offsets), (len(columns), width))
