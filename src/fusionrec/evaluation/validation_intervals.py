"""Validation metrics of a trained model with intervals, for its model card."""

from typing import Any

import numpy as np

from fusionrec.data.histories import Histories
from fusionrec.evaluation import significance
from fusionrec.evaluation.catalogue_ranking import hits, top_k
from fusionrec.evaluation.metrics import accuracy
from fusionrec.models.recommender import Recommender

NAMES = "ndcg", "recall", "hit_rate"
DIGITS = 6


def measure(
    recommender: Recommender, past: Histories, held_out: Histories, items: int, k: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Accuracy on the validation part, over the whole catalogue: {"ndcg@10": {mean, low, high, users}}.

    Args:
        recommender: what is measured.
        past: known interactions of each user.
        held_out: validation items; only users who have one are evaluated.
        items: size of the catalogue.
        k: cut-off.
        seed: of the bootstrap over users.
    """
    users = np.flatnonzero(held_out.counts)
    lists = top_k(recommender, users, past, k).items
    relevant = hits(lists, users, held_out, items)
    columns = {name: accuracy.METRICS[name](relevant, held_out.counts[users], k) for name in NAMES}
    samples = significance.samples(len(users), np.random.default_rng(seed))
    ends = significance.bootstrap(np.stack(list(columns.values()), 1), samples)
    rows = zip(columns, *(end.tolist() for end in ends), strict=True)
    return {
        f"{name}@{k}": {
            "mean": round(mean, DIGITS), "low": round(low, DIGITS), "high": round(high, DIGITS), "users": len(users)
        }
        for name, mean, low, high in rows
    }  # fmt: skip
