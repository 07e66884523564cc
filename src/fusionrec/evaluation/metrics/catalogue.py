"""Figures of all lists together: coverage of the catalogue, evenness of exposure, difference between users.

- `coverage`: distinct recommended items / items of the catalogue
- `gini`: unevenness of exposure over the whole catalogue; 0 if all items are shown equally often
- `personalisation`: 1 - mean overlap of two users' lists

They are statistics of the whole set of lists, not means over users, so they have no interval.

Shapes:
    items: int64 [users, k], ranked lists, -1 where one is short.
"""

import numpy as np

from fusionrec.evaluation.metrics import Figures, Ranked


def measure(ranked: Ranked) -> Figures:
    """Coverage, Gini index and personalisation at each cut-off."""
    figures: Figures = {}
    for k in ranked.ks:
        items, catalogue = ranked.items[:, :k], len(ranked.popularity)
        figures[f"coverage@{k}"] = coverage(items, catalogue)
        figures[f"gini@{k}"] = gini(items, catalogue)
        figures[f"personalisation@{k}"] = personalisation(items, catalogue)
    return figures


def exposure(items: np.ndarray, catalogue: int) -> np.ndarray:
    """int64 [catalogue]: how many lists each item is in.

    >>> exposure(np.array([[0, 1], [1, -1]]), 3)
    array([1, 2, 0])
    """
    return np.bincount(items[items >= 0], minlength=catalogue)


def coverage(items: np.ndarray, catalogue: int) -> float:
    """Distinct recommended items / catalogue (Ge et al., RecSys 2010).

    >>> coverage(np.array([[0, 1], [1, -1]]), 4)
    0.5
    """
    return float((exposure(items, catalogue) > 0).sum() / catalogue)


def gini(items: np.ndarray, catalogue: int) -> float:
    """Gini index of exposure over the whole catalogue: 0 if all items are recommended equally often.

    Fleder and Hosanagar, Management Science 2009.

    >>> gini(np.array([[0], [1]]), 2)
    0.0
    """
    shown = np.sort(exposure(items, catalogue))
    rank = np.arange(1, catalogue + 1)
    total = shown.sum()
    return float(((2 * rank - catalogue - 1) * shown).sum() / (catalogue * total)) if total else 0.0


def personalisation(items: np.ndarray, catalogue: int) -> float:
    """1 - mean overlap of two users' lists, items in common / k, over all pairs of users.

    The cosine of two lists as sets (recmetrics). The pairs of users that share an item are counted item by
    item, n (n - 1) / 2 of them for an item in n lists, so that no matrix of users by users is needed. 0 if
    all users get the same items, 1 if no two users share one.

    >>> round(personalisation(np.array([[0, 1], [0, 2], [0, 1]]), 3), 4)
    0.3333
    """
    shown = exposure(items, catalogue).astype(np.float64)
    users, k = items.shape
    pairs = users * (users - 1) / 2
    return float(1 - (shown * (shown - 1)).sum() / 2 / (pairs * k)) if pairs else 1.0
