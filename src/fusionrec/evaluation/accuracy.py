"""Accuracy of ranked lists, one value a user.

All functions take `hits`, bool [users, length], whether each rank of the list is relevant, best first;
`relevant`, int64 [users], how many relevant items the user has (at least 1); and the cut-off k. They
return float64 [users].

>>> hits = np.array([[True, False, True], [False, False, True]])
>>> relevant = np.array([2, 1])
"""

from collections.abc import Callable

import numpy as np

Metric = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def precision(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """hits within k / k (Manning et al., "Introduction to Information Retrieval", 2008, section 8.4).

    >>> precision(np.array([[True, False, True]]), np.array([2]), 2)
    array([0.5])
    """
    return np.asarray(hits[:, :k].sum(1) / k)


def recall(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """hits within k / relevant items, also where these are more than k (Manning et al. 2008).

    >>> recall(np.array([[True, False, True]]), np.array([4]), 3)
    array([0.5])
    """
    return np.asarray(hits[:, :k].sum(1) / relevant)


def f1(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """Harmonic mean of precision and recall, 2 * hits / (k + relevant items).

    >>> f1(np.array([[True, False, False]]), np.array([1]), 3)
    array([0.5])
    """
    return np.asarray(2 * hits[:, :k].sum(1) / (k + relevant))


def hit_rate(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """1 where any relevant item is within k (Deshpande and Karypis 2004).

    >>> hit_rate(np.array([[False, True], [False, False]]), np.array([3, 1]), 2)
    array([1., 0.])
    """
    return np.asarray(hits[:, :k].any(1), np.float64)


def mrr(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """1 / rank of the first relevant item, 0 where none is within k (Voorhees, TREC-8, 1999).

    >>> mrr(np.array([[False, True], [False, False]]), np.array([1, 1]), 2)
    array([0.5, 0. ])
    """
    found = hits[:, :k]
    return np.where(found.any(1), 1 / (found.argmax(1) + 1), 0.0)


def average_precision(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """Sum of the precision at each hit / min(relevant items, k); its mean over users is MAP@k.

    >>> average_precision(np.array([[True, False, True]]), np.array([2]), 3).round(4)
    array([0.8333])
    """
    found = hits[:, :k]
    at_rank = found.cumsum(1) / np.arange(1, found.shape[1] + 1)
    return (at_rank * found).sum(1) / np.minimum(relevant, k)


def ndcg(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """Discounted cumulative gain over that of an ideal list of min(relevant items, k) hits.

    DCG@k = sum of hit(r) / log2(r + 1) over ranks r <= k (Järvelin and Kekäläinen, TOIS 2002).

    >>> ndcg(np.array([[False, True]]), np.array([1]), 2).round(4)
    array([0.6309])
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0], discount.cumsum()])[np.minimum(relevant, k)]
    found = hits[:, :k]
    return (found * discount[: found.shape[1]]).sum(1) / ideal


METRICS: dict[str, Metric] = {
    "precision": precision,
    "recall": recall,
    "f1": f1,
    "hit_rate": hit_rate,
    "mrr": mrr,
    "map": average_precision,
    "ndcg": ndcg,
}


def table(hits: np.ndarray, relevant: np.ndarray, ks: list[int]) -> dict[str, np.ndarray]:
    """All metrics at all cut-offs, as {"ndcg@10": float64 [users]}."""
    return {f"{name}@{k}": metric(hits, relevant, k) for k in ks for name, metric in METRICS.items()}
