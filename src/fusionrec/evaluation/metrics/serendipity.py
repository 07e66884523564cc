"""Serendipity: relevant items that a ranking by popularity would have placed lower.

- `serendipity`: mean over the list of hit × max(p(rank) - p(rank by popularity), 0), as in RecTools
"""

import numpy as np

from fusionrec.evaluation import cutoffs
from fusionrec.evaluation.metrics import Figures, Ranked, at_cut_offs


def measure(ranked: Ranked) -> Figures:
    """Serendipity, one value for each user and cut-off."""
    return at_cut_offs(
        ranked.ks, serendipity=serendipity(ranked.items, ranked.hits, ranked.popularity, ranked.ks)
    )


def serendipity(items: np.ndarray, hits: np.ndarray, popularity: np.ndarray, ks: list[int]) -> np.ndarray:
    """Mean over the list of hit * max(p(rank) - p(rank by popularity), 0), as in `rectools.metrics.Serendipity`.

    p(r) = (n + 1 - r) / n for a catalogue of n items. The rank by popularity is dense: equally popular items have
    the same rank; an item without a train interaction has p = 0. Serendipitous recommendations are relevant and not
    obvious (Ge et al., RecSys 2010).

    Args:
        items: int64 [users, length], ranked lists, -1 where a list is short.
        hits: bool [users, length].
        popularity: int64 [items], train users of each item.
        ks: cut-offs.

    Returns:
        float64 [users, len(ks)], NaN for an empty list.

    >>> serendipity(np.array([[1, 0]]), np.array([[True, True]]), np.array([5, 2, 0, 0]), [1, 2])
    array([[0.25 , 0.125]])
    """
    n = len(popularity)
    _, place = np.unique(-popularity, return_inverse=True)
    obvious = np.where(popularity > 0, (n - place) / n, 0.0)
    own = (n - np.arange(items.shape[1])) / n
    surprise = np.maximum(own - obvious[items], 0) * hits
    return cutoffs.means(surprise, items >= 0, ks)
