"""Everything that is said about recommenders."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import params
from fusionrec.data.features import Features
from fusionrec.data.histories import LOG, Histories
from fusionrec.evaluation import accuracy, catalogue, diversity, ranking
from fusionrec.evaluation.significance import bootstrap
from fusionrec.models.recommender import Recommender


class Task(NamedTuple):
    """One evaluation: who is asked, what is known, what is to be found.

    Attributes:
        users: int64 [n], the users with a held-out item.
        past: what is known of each user, input and no candidate.
        held_out: what is to be found.
        popularity: int64 [items], train users of each item.
        train_users: number of users in train.
        vectors: float32 [items, width], content vectors of length 1 or 0.
    """

    users: np.ndarray
    past: Histories
    held_out: Histories
    popularity: np.ndarray
    train_users: int
    vectors: np.ndarray


class Result(NamedTuple):
    """`per_user`: {"ndcg@10": float64 [users]}; `summary`: means and catalogue metrics as scalars."""

    per_user: dict[str, np.ndarray]
    summary: dict[str, float]


def task(parts: dict[str, pd.DataFrame], users: int, vectors: np.ndarray, protocol: str) -> Task:
    """The test task from the tables of the split.

    Known at test are train and what is folded in; with `strict` validation too, with `mmrec` not, as in
    MMRec's published figures.

    Args:
        parts: train, val, test, fold_in, each with the columns `histories.LOG`.
        users: rows of the user table.
        vectors: see `Task`.
        protocol: see above.
    """
    train = Histories.of(parts["train"], users)
    names = ["train", "fold_in", "val"] if protocol == "strict" else ["train", "fold_in"]
    known = pd.concat([parts[name][LOG] for name in names])
    held_out = Histories.of(parts["test"], users)
    popularity = np.bincount(train.items, minlength=len(vectors))
    return Task(
        np.flatnonzero(held_out.counts),
        Histories.of(known, users),
        held_out,
        popularity,
        int((train.counts > 0).sum()),
        vectors,
    )


def evaluate(recommender: Recommender, this: Task, options: params.Metrics) -> Result:
    """All metrics at all cut-offs; `ndcg_cold@k` is over the users whose held-out items train lacks."""
    items = len(this.popularity)
    lists = ranking.top_k(recommender, this.users, this.past, max(options.ks)).items
    found = ranking.hits(lists, this.users, this.held_out, items)
    per_user = accuracy.table(found, this.held_out.counts[this.users], options.ks)
    summary = {name: float(values.mean()) for name, values in per_user.items()}
    cold = cold_users(this)
    for k in options.ks:
        top = lists[:, :k]
        if cold.any():
            summary[f"ndcg_cold@{k}"] = float(per_user[f"ndcg@{k}"][cold].mean())
        summary[f"coverage@{k}"] = catalogue.coverage(top, items)
        summary[f"novelty@{k}"] = catalogue.novelty(top, this.popularity, this.train_users)
        summary[f"gini@{k}"] = catalogue.gini(top, items)
        if this.vectors.shape[1]:
            summary[f"diversity@{k}"] = float(diversity.intra_list(top, this.vectors).mean())
    return Result(per_user, {name: round(value, 6) for name, value in summary.items()})


def summary(results: dict[str, Result], this: Task, ks: list[int]) -> dict[str, dict[str, float]]:
    """All summaries, the model's share of what the oracle reached, and how many users were asked."""
    found = {name: dict(result.summary) for name, result in results.items()}
    if "oracle" in found:
        for k in ks:
            share = found["model"][f"ndcg@{k}"] / found["oracle"][f"ndcg@{k}"]
            found["model"][f"share_of_best@{k}"] = round(share, 6)
    found["users"] = {
        "evaluated": len(this.users),
        "without_test": len(this.held_out) - len(this.users),
        "cold": int(cold_users(this).sum()),
    }
    return found


def intervals(results: dict[str, Result], ks: list[int], draws: np.random.Generator) -> dict[str, Any]:
    """Bootstrap intervals of ndcg, and of the model's lead over popularity, paired by user."""
    found: dict[str, Any] = {}
    for metric in [f"ndcg@{k}" for k in ks]:
        values = {name: result.per_user[metric] for name, result in results.items()}
        values["model - popularity"] = values["model"] - values["popularity"]
        for name, per_user in values.items():
            interval = bootstrap(per_user, draws)._asdict()
            found.setdefault(name, {})[metric] = {end: round(value, 6) for end, value in interval.items()}
    return found


def cold_users(this: Task) -> np.ndarray:
    """bool [n]: all held-out items of the user are without a train interaction."""
    position, item = this.held_out.pairs(this.users)
    warm = np.bincount(position, this.popularity[item] > 0, len(this.users))
    return warm == 0


def content_vectors(parts: list[Features]) -> np.ndarray:
    """Picture and text vectors side by side, each of length 1, then together; zero where an item has none."""
    joined = np.concatenate([_unit(part.matrix) for part in parts], 1)
    return _unit(joined)


def _unit(matrix: np.ndarray) -> np.ndarray:
    length = np.sqrt(np.square(matrix.astype(np.float64)).sum(1, keepdims=True))
    return (matrix / np.maximum(length, 1e-12)).astype(np.float32)
