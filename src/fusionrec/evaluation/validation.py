"""What training watches: metrics of the validation part, by the same ranking as the final evaluation."""

from collections.abc import Callable

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation import accuracy, catalogue, popularity
from fusionrec.evaluation.ranking import hits, masked_scores, top_k
from fusionrec.models.recommender import Recommender

ALWAYS = ("ndcg", "recall")
CATALOGUE = ("coverage", "gini", "novelty")
NEW = "_new"  # ends the name of a metric of rankings of new items alone


class NewItems:
    """A `Recommender` that recommends only items without a train interaction."""

    def __init__(self, recommender: Recommender, train: Histories):
        self.recommender, self.known = recommender, np.unique(train.items)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        scores = self.recommender.score(users, past)
        scores[:, torch.from_numpy(self.known).to(scores.device)] = -torch.inf
        return scores


def validator(
    past: Histories, held_out: Histories, train: Histories, items: int, monitor: str
) -> Callable[[Recommender], dict[str, float]]:
    """Metrics at the cut-off of `monitor` as a function of the recommender.

    Args:
        past: what is known of each user.
        held_out: the validation items; only users who have one are asked.
        train: the train histories, for novelty.
        items: size of the catalogue.
        monitor: a metric, such as ndcg@10 or gini@20, or `loss`: the softmax over the catalogue. With
            `_new` before the cut-off only items without a train interaction are ranked: ndcg_new@10 is what
            to watch where these are what is held out.

    Raises:
        UserError: if there is no such metric, or no user has a validation item.
    """
    named, _, cut = monitor.partition("@")
    name, k = named.removesuffix(NEW), int(cut or 10)
    if name not in (*accuracy.METRICS, *CATALOGUE, "loss"):
        known = ", ".join([*accuracy.METRICS, *CATALOGUE])
        raise UserError(f"train.monitor: no metric {named!r}; known: loss, and with @<cut-off>: {known}")
    users = np.flatnonzero(held_out.counts)
    if not len(users):
        raise UserError("no user has a validation item; raise splits.val_fraction or lower min_interactions")
    chosen, trained = np.bincount(train.items, minlength=items), int((train.counts > 0).sum())

    def validate(recommender: Recommender) -> dict[str, float]:
        if named != name:
            recommender = NewItems(recommender, train)
        lists = top_k(recommender, users, past, k).items
        table = accuracy.table(hits(lists, users, held_out, items), held_out.counts[users], [k])
        suffix = named.removeprefix(name) + f"@{k}"
        shown = {each for each in (*ALWAYS, name) if each in accuracy.METRICS}
        found = {f"{each}{suffix}": float(table[f"{each}@{k}"].mean()) for each in shown}
        if name == "coverage":
            found[monitor] = catalogue.coverage(lists, items)
        elif name == "gini":
            found[monitor] = catalogue.gini(lists, items)
        elif name == "novelty":
            values = popularity.novelty(lists, chosen, trained, [k])[(lists >= 0).any(1)]
            found[monitor] = float(values.mean()) if len(values) else 0.0
        elif name == "loss":
            found[monitor] = loss(recommender, users, past, held_out)
        return dict(sorted(found.items()))

    return validate


def loss(recommender: Recommender, users: np.ndarray, past: Histories, held_out: Histories) -> float:
    """Mean of -log softmax(score) of the held-out items over everything that the user did not choose."""
    losses = []
    for part, scores in masked_scores(recommender, users, past):
        row, item = (torch.from_numpy(x).to(scores.device) for x in held_out.pairs(part))
        losses.append(-torch.log_softmax(scores, 1)[row, item])
    return float(torch.cat(losses).mean())
