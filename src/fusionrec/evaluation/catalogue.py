"""What lists do to the catalogue: coverage, novelty, exposure.

All functions take `items`, int64 [users, k], ranked lists with -1 where a list is short.
"""

import numpy as np


def coverage(items: np.ndarray, catalogue: int) -> float:
    """Distinct recommended items / catalogue (Ge et al., RecSys 2010).

    >>> coverage(np.array([[0, 1], [1, -1]]), 4)
    0.5
    """
    return len(np.unique(items[items >= 0])) / catalogue


def novelty(items: np.ndarray, popularity: np.ndarray, users: int) -> float:
    """Mean self-information, -log2(users of the item / users), over each list and then over users.

    Zhou et al., PNAS 2010; also called mean inverse user frequency. An item nobody chose counts as chosen
    once.

    Args:
        items: the lists.
        popularity: int64 [items], users of each item in train.
        users: number of users in train.

    >>> novelty(np.array([[0, 1]]), np.array([4, 1]), 4)
    1.0
    """
    information = -np.log2(np.maximum(popularity, 1) / users)
    listed = items >= 0
    per_user = np.where(listed, information[items], 0).sum(1) / np.maximum(listed.sum(1), 1)
    return float(per_user[listed.any(1)].mean()) if listed.any() else 0.0


def gini(items: np.ndarray, catalogue: int) -> float:
    """Gini index of exposure over the whole catalogue: 0 where all items are shown equally often.

    Fleder and Hosanagar, Management Science 2009.

    >>> gini(np.array([[0], [1]]), 2)
    0.0
    """
    exposure = np.sort(np.bincount(items[items >= 0], minlength=catalogue))
    rank = np.arange(1, catalogue + 1)
    total = exposure.sum()
    return float(((2 * rank - catalogue - 1) * exposure).sum() / (catalogue * total)) if total else 0.0
