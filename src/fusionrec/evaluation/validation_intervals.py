"""Validation metrics of a trained model with intervals, for its model card."""

from typing import Any

from fusionrec.data.histories import Histories
from fusionrec.evaluation import intervals
from fusionrec.evaluation.catalogue_ranking import hits, top_k
from fusionrec.evaluation.metrics import accuracy
from fusionrec.evaluation.validation import asked
from fusionrec.models.recommender import Recommender

NAMES = "ndcg", "recall", "hit_rate"


def measure(
    recommender: Recommender, past: Histories, held_out: Histories, items: int, k: int, sample: int = 0
) -> dict[str, dict[str, Any]]:
    """Accuracy on the validation part, over the whole catalogue: {"ndcg@10": {mean, low, high, users}}.

    Ends are None if too few users decide the mean.

    Args:
        recommender: what is measured.
        past: known interactions of each user.
        held_out: validation items; only users who have one are evaluated.
        items: size of the catalogue.
        k: cut-off.
        sample: number of users, those who are validated after each epoch; 0: all.
    """
    users = asked(held_out, sample)
    lists = top_k(recommender, users, past, k).items
    relevant = hits(lists, users, held_out, items)
    columns = {f"{name}@{k}": accuracy.METRICS[name](relevant, held_out.count(users), k) for name in NAMES}
    return {name: {**ends, "users": len(users)} for name, ends in intervals.by_name(columns).items()}
