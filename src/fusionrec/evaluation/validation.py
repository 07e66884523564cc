"""Metrics that training monitors: on the validation part, ranked as in the final evaluation."""

from collections.abc import Callable

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation.catalogue_ranking import hits, masked_scores, top_k
from fusionrec.evaluation.metrics import accuracy
from fusionrec.models.recommender import Recommender

ALWAYS = ("ndcg", "recall")
BEYOND = ("coverage", "gini", "novelty")  # metrics that are not of accuracy
NEW = "_new"  # suffix of metrics for which only new items are ranked


class NewItems:
    """A `Recommender` that recommends only items without a train interaction."""

    def __init__(self, recommender: Recommender, train: Histories):
        self.recommender, self.known = recommender, np.unique(train.items)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        scores = self.recommender.score(users, past)
        scores[:, torch.from_numpy(self.known).to(scores.device)] = -torch.inf
        return scores


def asked(held_out: Histories, sample: int) -> np.ndarray:
    """int64, ascending: users with a held-out item; with `sample` above 0 so many of them, the same ones each time."""
    users = np.flatnonzero(held_out.counts)
    if 0 < sample < len(users):
        users = np.sort(np.random.default_rng(0).choice(users, sample, replace=False))
    return users


def validator(
    past: Histories, held_out: Histories, train: Histories, items: int, monitor: str, sample: int = 0
) -> Callable[[Recommender], dict[str, float]]:
    """Metrics at the cut-off of `monitor` as a function of the recommender.

    Args:
        past: known interactions of each user.
        held_out: the validation items; only users who have one are evaluated.
        train: the train histories, for novelty.
        items: size of the catalogue.
        monitor: a metric, such as ndcg@10 or gini@20, or `loss`: the softmax loss over the catalogue. With
            `_new` before the cut-off only items without a train interaction are ranked: use ndcg_new@10 if
            such items are held out.
        sample: number of users that are drawn, the same ones each time; 0, or more than there are: all.

    Raises:
        UserError: if the metric does not exist, or no user has a validation item.
    """
    named, _, cut = monitor.partition("@")
    name, k = named.removesuffix(NEW), int(cut or 10)
    if name not in (*accuracy.METRICS, *BEYOND, "loss"):
        known = ", ".join([*accuracy.METRICS, *BEYOND])
        raise UserError(f"train.monitor: no metric {named!r}; known: loss, and with @<cut-off>: {known}")
    users = asked(held_out, sample)
    if not len(users):
        raise UserError("no user has a validation item; raise splits.val_fraction or lower min_interactions")

    def validate(recommender: Recommender) -> dict[str, float]:
        if named != name:
            if not getattr(recommender, "ranks_untrained_items", True):
                raise UserError(
                    f"train.monitor: {named} ranks items without a train interaction, which this model cannot; "
                    f"set it to {name}@{k}"
                )
            recommender = NewItems(recommender, train)
        lists = top_k(recommender, users, past, k).items
        table = accuracy.table(hits(lists, users, held_out, items), held_out.count(users), [k])
        suffix = named.removeprefix(name) + f"@{k}"
        shown = {each for each in (*ALWAYS, name) if each in accuracy.METRICS}
        metrics = {f"{each}{suffix}": float(table[f"{each}@{k}"].mean()) for each in shown}
        if name in BEYOND:
            metrics[monitor] = _beyond(name, lists, train, items)
        elif name == "loss":
            metrics[monitor] = loss(recommender, users, past, held_out)
        return dict(sorted(metrics.items()))

    return validate


def _beyond(name: str, lists: np.ndarray, train: Histories, items: int) -> float:
    """One of the metrics `BEYOND` for `lists`, int64 [users, k], with -1 where one is short."""
    from fusionrec.evaluation.metrics import catalogue, popularity  # only if such a metric is monitored

    if name == "coverage":
        return catalogue.coverage(lists, items)
    if name == "gini":
        return catalogue.gini(lists, items)
    chosen, users = np.bincount(train.items, minlength=items), int((train.counts > 0).sum())
    values = popularity.novelty(lists, chosen, users, [lists.shape[1]])[(lists >= 0).any(1)]
    return float(values.mean()) if len(values) else 0.0


def loss(recommender: Recommender, users: np.ndarray, past: Histories, held_out: Histories) -> float:
    """Mean of -log softmax(score) of the held-out items, over all items that are not in the user's past.

    Held-out items that the recommender cannot rank, with a score of -inf, are left out; infinite if all are.

    Args:
        recommender: what is measured.
        users: int64 [n], rows of the user table.
        past: known interactions of each user.
        held_out: relevant items of each user.
    """
    losses = []
    for part, scores in masked_scores(recommender, users, past):
        row, item = (torch.from_numpy(x).to(scores.device) for x in held_out.pairs(part))
        losses.append(-torch.log_softmax(scores, 1)[row, item])
    each = torch.cat(losses)
    each = each[each.isfinite()]
    return float(each.mean()) if len(each) else float("inf")
