"""Histories as a sparse matrix of users and items, for models in closed form."""

import numpy as np
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories


def matrix(histories: Histories, users: np.ndarray, items: int) -> csr_array:
    """float64 [len(users), items]: 1 if the user chose the item, once or more often."""
    row, item = histories.pairs(users)
    key = np.unique(row * items + item)
    row, item = np.divmod(key, max(items, 1))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=len(users)))])
    return csr_array((np.ones(len(key)), item, offsets), shape=(len(users), items))
