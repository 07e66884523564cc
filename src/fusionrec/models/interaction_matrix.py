"""Histories as a sparse matrix of users and items, for models in closed form."""

import numpy as np
import torch
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories


def matrix(histories: Histories, users: np.ndarray, items: int) -> csr_array:
    """float64 [len(users), items]: 1 if the user chose the item, once or more often."""
    row, item = histories.pairs(users)
    key = np.unique(row * items + item)
    row, item = np.divmod(key, max(items, 1))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(users)))])
    return csr_array((np.ones(len(key)), item, offsets), shape=(len(users), items))


def histories_of(latest: torch.Tensor, items: int) -> csr_array:
    """float64 [n, items]: 1 where an item is in a history of `latest`, int64 [n, length], padded with -1."""
    rows = latest.cpu().numpy()
    inside = rows >= 0
    offsets = np.concatenate([[0], np.cumsum(inside.sum(1))])
    return matrix(Histories(offsets, rows[inside]), np.arange(len(rows)), items)
