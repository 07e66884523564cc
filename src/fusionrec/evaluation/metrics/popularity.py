"""How popular the recommended items are: novelty, average popularity, share of the long tail.

- `novelty`: mean of -log2(train users of the item / train users), in bits; an item without any counts as having one
- `average_popularity`: mean number of train users of the items
- `tail_share`: share of items of the long tail, as `splits.tail` defines it

Shapes:
    items: int64 [users, length], ranked lists, -1 where one is short.
    popularity: int64 [items], the train users of each item.
    ks: the cut-offs.

All functions return float64 [users, len(ks)], the mean over the listed items, NaN for an empty list.
"""

import numpy as np

from fusionrec.evaluation import cutoffs
from fusionrec.evaluation.metrics import Figures, Ranked, at_cut_offs


def measure(ranked: Ranked) -> Figures:
    """Novelty, average popularity and share of the long tail, one value for each user and cut-off."""
    return at_cut_offs(
        ranked.ks,
        novelty=novelty(ranked.items, ranked.popularity, ranked.train_users, ranked.ks),
        average_popularity=average_popularity(ranked.items, ranked.popularity, ranked.ks),
        tail_share=tail_share(ranked.items, ranked.tail, ranked.ks),
    )


def novelty(items: np.ndarray, popularity: np.ndarray, users: int, ks: list[int]) -> np.ndarray:
    """Mean self-information, -log2(train users of the item / train users), in bits.

    Zhou et al., PNAS 2010; also called mean inverse user frequency (MIUF). An item without
    train users counts as if it had one.

    Args:
        items: int64 [users, length], see the module.
        popularity: int64 [items], train users of each item.
        users: number of users in train.
        ks: cut-offs.

    >>> novelty(np.array([[0, 1]]), np.array([4, 1]), 4, [1, 2])
    array([[0., 1.]])
    """
    return _mean(items, self_information(popularity, users), ks)


def self_information(popularity: np.ndarray, users: int) -> np.ndarray:
    """float64 [items]: -log2(popularity / users), in bits; an item without train users counts as if it had one.

    >>> self_information(np.array([4, 1, 0]), 4)
    array([-0.,  2.,  2.])
    """
    return -np.log2(np.maximum(popularity, 1) / users)


def average_popularity(items: np.ndarray, popularity: np.ndarray, ks: list[int]) -> np.ndarray:
    """Mean number of train users of the listed items (average recommendation popularity, Yin et al., VLDB 2012).

    >>> average_popularity(np.array([[0, 1]]), np.array([4, 1]), [1, 2])
    array([[4. , 2.5]])
    """
    return _mean(items, popularity.astype(np.float64), ks)


def tail_share(items: np.ndarray, tail: np.ndarray, ks: list[int]) -> np.ndarray:
    """Share of the listed items that are in the long tail (Abdollahpouri et al., FLAIRS 2019: APLT).

    Args:
        items: int64 [users, length], see the module.
        tail: bool [items], the long tail; items without a train interaction do not belong to it.
        ks: cut-offs.

    >>> tail_share(np.array([[0, 1]]), np.array([False, True]), [1, 2])
    array([[0. , 0.5]])
    """
    return _mean(items, tail.astype(np.float64), ks)


def _mean(items: np.ndarray, value: np.ndarray, ks: list[int]) -> np.ndarray:
    return cutoffs.means(value[items], items >= 0, ks)
