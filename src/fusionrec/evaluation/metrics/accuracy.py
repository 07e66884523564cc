"""Accuracy: whether the held-out items are in the lists, and at which rank.

- `precision`: hits / k
- `recall`: hits / held-out items, also if these are more than k
- `f1`: harmonic mean of both
- `hit_rate`: 1 if there is any hit
- `mrr`: 1 / rank of the first hit within k
- `map`: sum of the precision at each hit / min(held-out items, k)
- `ndcg`: discounted gain / that of an ideal list of min(held-out items, k) hits
- `ndcg_cold`: `ndcg`, where only held-out items without a train interaction count; null if these cannot be ranked

Shapes:
    hits: bool [users, length], whether each rank of the list is relevant, best first.
    relevant: int64 [users], how many relevant items the user has, at least 1.
    k: the cut-off.

All metrics return float64 [users].

>>> hits = np.array([[True, False, True], [False, False, True]])
>>> relevant = np.array([2, 1])
"""

from collections.abc import Callable

import numpy as np

from fusionrec.evaluation import intervals
from fusionrec.evaluation.metrics import Figures, Ranked

Metric = Callable[[np.ndarray, np.ndarray, int], np.ndarray]


def precision(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """hits within k / k (Manning et al., "Introduction to Information Retrieval", 2008, section 8.4).

    >>> precision(np.array([[True, False, True]]), np.array([2]), 2)
    array([0.5])
    """
    return np.asarray(hits[:, :k].sum(1) / k)


def recall(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """hits within k / relevant items, also if these are more than k (Manning et al. 2008).

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
    """1 if any relevant item is within k (Deshpande and Karypis 2004).

    >>> hit_rate(np.array([[False, True], [False, False]]), np.array([3, 1]), 2)
    array([1., 0.])
    """
    return np.asarray(hits[:, :k].any(1), np.float64)


def mrr(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """1 / rank of the first relevant item; 0 if none is within k (Voorhees, TREC-8, 1999).

    >>> mrr(np.array([[False, True], [False, False]]), np.array([1, 1]), 2)
    array([0.5, 0. ])
    """
    within = hits[:, :k]
    return np.where(within.any(1), 1 / (within.argmax(1) + 1), 0.0)


def average_precision(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """Sum of the precision at each hit / min(relevant items, k); its mean over users is MAP@k.

    >>> average_precision(np.array([[True, False, True]]), np.array([2]), 3).round(4)
    array([0.8333])
    """
    within = hits[:, :k]
    at_rank = within.cumsum(1) / np.arange(1, within.shape[1] + 1)
    return (at_rank * within).sum(1) / np.minimum(relevant, k)


def ndcg(hits: np.ndarray, relevant: np.ndarray, k: int) -> np.ndarray:
    """Discounted cumulative gain over that of an ideal list of min(relevant items, k) hits.

    DCG@k = sum of hit(r) / log2(r + 1) over ranks r <= k (Järvelin and Kekäläinen, TOIS 2002).

    >>> ndcg(np.array([[False, True]]), np.array([1]), 2).round(4)
    array([0.6309])
    """
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.concatenate([[0], discount.cumsum()])[np.minimum(relevant, k)]
    within = hits[:, :k]
    return (within * discount[: within.shape[1]]).sum(1) / ideal


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


def measure(ranked: Ranked) -> Figures:
    """All metrics at all cut-offs, and `ndcg_cold`: the mean NDCG for cold items, without a train interaction."""
    cold = of_items(ranked.popularity == 0, ranked, [f"ndcg@{k}" for k in ranked.ks])
    means = intervals.mean(cold).tolist()
    names = [f"ndcg_cold@{k}" for k in ranked.ks]
    return {**table(ranked.hits, ranked.relevant, ranked.ks), **dict(zip(names, means, strict=True))}


def of_items(members: np.ndarray, ranked: Ranked, names: list[str]) -> np.ndarray:
    """Accuracy for some of the items: only relevant items among `members` count, in the same lists.

    Args:
        members: bool [catalogue].
        ranked: the lists.
        names: metrics such as ndcg@10.

    Returns:
        float64 [users, len(names)], NaN for users without a relevant item among `members`.
    """
    user, item = ranked.held_out
    relevant = np.bincount(user[members[item]], minlength=len(ranked.items))
    asked = np.flatnonzero(relevant)
    values = np.full((len(ranked.items), len(names)), np.nan)
    hits = ranked.hits[asked] & members[ranked.items[asked]]
    for column, name in enumerate(names):
        metric, _, k = name.partition("@")
        values[asked, column] = METRICS[metric](hits, relevant[asked], int(k))
    return values
