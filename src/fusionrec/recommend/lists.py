"""Recommendation lists for people, not for measuring: everything that is known of a user is used."""

import numpy as np
import pandas as pd

from fusionrec.data.histories import Histories
from fusionrec.evaluation import ranking
from fusionrec.models.recommender import Recommender


def sample(users: int, count: int, seed: int) -> np.ndarray:
    """int64, `count` distinct user rows at random (all, where there are no more), ascending."""
    drawn = np.random.default_rng(seed).permutation(users)[:count]
    return np.sort(drawn)


def recommend(
    recommender: Recommender,
    users: np.ndarray,
    past: Histories,
    k: int,
    user_ids: list[str],
    items: pd.DataFrame,
) -> pd.DataFrame:
    """The k best unseen items of each user.

    Returns:
        user_id, rank (from 1), item (row), item_id, title, score; fewer than k rows where a user has seen
        almost everything.
    """
    lists = ranking.top_k(recommender, users, past, k)
    user, rank = np.nonzero(lists.items >= 0)
    item = lists.items[user, rank]
    return pd.DataFrame(
        {
            "user_id": [user_ids[users[row]] for row in user],
            "rank": rank + 1,
            "item": item,
            "item_id": items["item_id"].to_numpy()[item],
            "title": items["title"].to_numpy()[item],
            "score": lists.scores[user, rank],
        }
    )
