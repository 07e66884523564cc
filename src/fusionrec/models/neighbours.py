"""Nearest neighbours by cosine with shrinkage: of items (Sarwar et al., WWW 2001) and of users.

The similarity of two sets is |A and B| / (sqrt(|A| |B|) + shrinkage), where shrinkage draws what few choices
say towards 0 (Bell and Koren, ICDM 2007; as in Ferrari Dacrema et al., RecSys 2019). Counts are exact, so
neither order nor chunks change a bit.
"""

import numpy as np
import torch
from scipy.sparse import csr_array, vstack

from fusionrec.data.histories import Histories
from fusionrec.models.interactions import matrix

VALUES = 2**24  # similarities that are alive at once


class ItemKNN:
    """Score of an item: summed similarities of its nearest neighbours that are in the user's past.

    Args:
        train: what to fit on.
        items: size of the catalogue.
        neighbours: how many each item has at most.
        shrinkage: see the module.
    """

    def __init__(self, train: Histories, items: int, neighbours: int, shrinkage: float):
        self.settings = {"neighbours": neighbours, "shrinkage": shrinkage}
        chosen = matrix(train, np.arange(len(train)), items)
        chosen_by = csr_array(chosen.T)
        sizes = np.diff(chosen_by.indptr)
        parts = []
        for rows in _chunks(items, items):
            alike = _cosine(csr_array(chosen_by[rows] @ chosen), sizes[rows], sizes, shrinkage)
            parts.append(nearest(without(alike, rows), neighbours))
        self.similarity = csr_array(vstack(parts).T) if parts else csr_array((0, 0))

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        scores = matrix(past, users, self.similarity.shape[1]) @ self.similarity
        return torch.from_numpy(scores.astype(np.float32).toarray())


class UserKNN:
    """Score of an item: summed similarities of the user's nearest train users who chose it.

    Who is asked about is no neighbour of his own. Similarity is that of his past to train histories, so a
    user whom train does not know has neighbours too.

    Args:
        train: what to fit on.
        items: size of the catalogue.
        neighbours: how many each user has at most.
        shrinkage: see the module.
    """

    def __init__(self, train: Histories, items: int, neighbours: int, shrinkage: float):
        self.settings = {"neighbours": neighbours, "shrinkage": shrinkage}
        self.chosen = matrix(train, np.arange(len(train)), items)
        self.chosen_by = csr_array(self.chosen.T)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        known, items = self.chosen.shape
        parts = [self._score(users[rows], past) for rows in _chunks(len(users), known)]
        return torch.from_numpy(np.concatenate(parts) if parts else np.zeros((0, items), np.float32))

    def _score(self, users: np.ndarray, past: Histories) -> np.ndarray:
        own = matrix(past, users, self.chosen.shape[1])
        sizes = np.diff(self.chosen.indptr)
        alike = _cosine(own @ self.chosen_by, np.diff(own.indptr), sizes, self.settings["shrinkage"])
        near = nearest(without(alike, users), int(self.settings["neighbours"]))
        return (near @ self.chosen).astype(np.float32).toarray()


def _chunks(rows: int, columns: int) -> list[np.ndarray]:
    length = max(1, VALUES // max(columns, 1))
    return [np.arange(start, min(start + length, rows)) for start in range(0, rows, length)]


def _cosine(overlap: csr_array, left: np.ndarray, right: np.ndarray, shrinkage: float) -> csr_array:
    """Counts in common, and the sizes of the sets of its rows and columns, as similarities."""
    overlap.sort_indices()
    product = np.repeat(left, np.diff(overlap.indptr)) * right[overlap.indices].astype(np.float64)
    return csr_array(
        (overlap.data / (np.sqrt(product) + shrinkage), overlap.indices, overlap.indptr), overlap.shape
    )


def without(similarity: csr_array, own: np.ndarray) -> csr_array:
    """`similarity` less the entry of column own[i] in each row i."""
    row = np.repeat(np.arange(len(own)), np.diff(similarity.indptr))
    return _kept(similarity, row, similarity.indices != own[row])


def nearest(similarity: csr_array, k: int) -> csr_array:
    """The k largest of each row, ties by column. Indices must be sorted."""
    row = np.repeat(np.arange(similarity.shape[0]), np.diff(similarity.indptr))
    order = np.lexsort((-similarity.data, row))  # stable: columns ascend among equals
    rank = np.arange(len(order)) - similarity.indptr[row]
    keep = np.zeros(len(order), bool)
    keep[order[rank < k]] = True
    return _kept(similarity, row, keep)


def _kept(similarity: csr_array, row: np.ndarray, keep: np.ndarray) -> csr_array:
    counts = np.bincount(row[keep], minlength=similarity.shape[0])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return csr_array((similarity.data[keep], similarity.indices[keep], offsets), similarity.shape)
