"""Everything that is said about recommenders, from their lists."""

from collections.abc import Hashable
from typing import Any, NamedTuple, TypeVar

import numpy as np
import pandas as pd

from fusionrec.evaluation import (
    accuracy,
    catalogue,
    diversity,
    popularity,
    ranking,
    serendipity,
    significance,
    slices,
)
from fusionrec.evaluation.task import Task

DIGITS = 6
Numbers = dict[str, float]
Name = TypeVar("Name", bound=Hashable)


class Result(NamedTuple):
    """What lists are worth.

    Attributes:
        lists: int64 [users, length], ranked, -1 where one is short.
        hits: bool [users, length].
        per_user: {"ndcg@10": float64 [users]}, NaN where a metric is undefined for a user.
        summary: means over users and figures of the catalogue, rounded; a metric that is undefined for all
            is not there.
    """

    lists: np.ndarray
    hits: np.ndarray
    per_user: dict[str, np.ndarray]
    summary: Numbers


class Report(NamedTuple):
    """Results by recommender, and what is said of all of them, ready for JSON.

    `cut` holds for each slice the headline metrics of the first recommender, float64 [users, metrics], NaN for
    users who are not in the slice.
    """

    results: dict[str, Result]
    summary: dict[str, Numbers]
    intervals: dict[str, Any]
    slices: dict[str, Any]
    cut: dict[slices.Slice, np.ndarray]


def full(
    lists: dict[str, np.ndarray],
    this: Task,
    parts: list[slices.Slice],
    ks: list[int],
    headline: list[str],
    seed: int,
) -> Report:
    """All metrics, intervals and slices.

    `intervals` holds {recommender: {metric: {mean, low, high}}} of all metrics that are means over users, and
    leads: `model - popularity` is that of the first recommender over another one, paired by user. `slices` holds
    {recommender: {group: {slice: {users, metric: {mean, low, high}}}}} of the headline metrics.

    Args:
        lists: int64 [users, length] each, by the recommender's name.
        this: the task that they answer.
        parts: the slices.
        ks: cut-offs.
        headline: metrics that slices and leads are reported of.
        seed: of the bootstrap.
    """
    results = {name: evaluate(ranked, this, ks) for name, ranked in lists.items()}
    first = next(iter(results.values()))
    kept: dict[slices.Slice, np.ndarray] = {}
    intervals: dict[str, Any] = {}
    leads: dict[str, Any] = {}
    sliced: dict[str, Any] = {}
    samples = significance.samples(len(this.users), np.random.default_rng(seed))
    for name, result in results.items():
        cut = {part: slices.values(part, *result[:3], this, headline) for part in parts}
        kept = kept or cut
        lead = {m: first.per_user[m] - result.per_user[m] for m in headline if result is not first}
        columns: dict[Hashable, np.ndarray] = dict(result.per_user.items())
        columns |= {("lead", metric): values for metric, values in lead.items()}
        columns |= {
            (part, metric): values[:, c]
            for part, values in cut.items()
            for c, metric in enumerate(headline)
            if not np.isnan(values[:, c]).all()
        }
        found = interval_of(columns, samples)
        intervals[name] = {metric: found[metric] for metric in result.per_user if metric in found}
        if lead:
            leads[f"{next(iter(results))} - {name}"] = {metric: found["lead", metric] for metric in headline}
        sliced[name] = _tabulated(cut, found, headline)
    return Report(results, summary(results, this, ks), intervals | leads, sliced, kept)


def evaluate(lists: np.ndarray, this: Task, ks: list[int]) -> Result:
    """All metrics at all cut-offs; `ndcg_cold@k` asks for held-out items without a train interaction alone."""
    items = len(this.popularity)
    found = ranking.hits(lists, this.users, this.held_out, items)
    per_user = accuracy.table(found, this.held_out.counts[this.users], ks) | _beyond(lists, found, this, ks)
    means = significance.mean(np.stack(list(per_user.values()), 1))
    summary = dict(zip(per_user, means.tolist(), strict=True))
    cold = [f"ndcg@{k}" for k in ks]
    part = slices.Slice("item", "cold", this.popularity == 0, of_items=True)
    of_cold = significance.mean(slices.values(part, lists, found, per_user, this, cold))
    for k, value in zip(ks, of_cold.tolist(), strict=True):
        summary[f"ndcg_cold@{k}"] = value
        summary[f"coverage@{k}"] = catalogue.coverage(lists[:, :k], items)
        summary[f"gini@{k}"] = catalogue.gini(lists[:, :k], items)
        summary[f"personalisation@{k}"] = catalogue.personalisation(lists[:, :k], items)
    return Result(lists, found, per_user, _rounded(summary))


def _beyond(lists: np.ndarray, hits: np.ndarray, this: Task, ks: list[int]) -> dict[str, np.ndarray]:
    """Per user, what accuracy does not say: {"novelty@10": float64 [users]}."""
    found = {
        "novelty": popularity.novelty(lists, this.popularity, this.train_users, ks),
        "average_popularity": popularity.average_popularity(lists, this.popularity, ks),
        "tail_share": popularity.tail_share(lists, this.tail, ks),
        "serendipity": serendipity.serendipity(lists, hits, this.popularity, ks),
    }
    if this.vectors.shape[1]:
        found["diversity"] = diversity.intra_list(lists, this.vectors, ks)
    return {f"{name}@{k}": values[:, c] for c, k in enumerate(ks) for name, values in found.items()}


def summary(results: dict[str, Result], this: Task, ks: list[int]) -> dict[str, Numbers]:
    """All summaries, every share of what the oracle reached, and how many users were asked."""
    found = {name: dict(result.summary) for name, result in results.items()}
    best = found.get("oracle", {})
    for name in found.keys() - {"oracle"} if best else ():
        for k in ks:
            for ours, share in (("ndcg", "share_of_best"), ("ndcg_cold", "share_of_best_cold")):
                if best.get(f"{ours}@{k}"):
                    found[name][f"{share}@{k}"] = round(
                        found[name][f"{ours}@{k}"] / best[f"{ours}@{k}"], DIGITS
                    )
    position, item = this.held_out.pairs(this.users)
    asked = int((this.held_out.counts > 0).sum())
    found["users"] = {
        "evaluated": len(this.users),
        "without_test": len(this.held_out) - asked,
        "without_candidates": asked - len(this.users),
        "cold": len(np.unique(position[this.popularity[item] == 0])),
        "tied": int(this.tied[this.users].sum()),
    }
    return found


def interval_of(columns: dict[Name, np.ndarray], samples: np.ndarray) -> dict[Name, Numbers]:
    """{name: {mean, low, high}} of each of `columns`, float64 [users]; what is undefined for all is left out."""
    found = significance.bootstrap(np.stack(list(columns.values()), 1), samples)
    rows = zip(columns, *(end.tolist() for end in found), strict=True)
    return {
        name: _rounded({"mean": mean, "low": low, "high": high})
        for name, mean, low, high in rows
        if not np.isnan(mean)
    }


def _tabulated(
    cut: dict[slices.Slice, np.ndarray], found: dict[Hashable, Numbers], headline: list[str]
) -> dict[str, Any]:
    """{group: {slice: {users, ndcg@10: {mean, low, high}}}}; `users` counts those that the mean is over."""
    table: dict[str, Any] = {}
    for part, values in cut.items():
        row: dict[str, Any] = {"users": int((~np.isnan(values[:, 0])).sum())}
        row |= {metric: found[part, metric] for metric in headline if (part, metric) in found}
        table.setdefault(part.group, {})[part.name] = row
    return table


def losses(whole: Result, without: Result, headline: list[str], samples: np.ndarray) -> dict[str, Any]:
    """What a result loses against `whole`, paired by user: {metric: {value, loss, low, high}}."""
    found = interval_of({m: whole.per_user[m] - without.per_user[m] for m in headline}, samples)
    return {
        metric: {
            "value": without.summary[metric],
            "loss": ends["mean"],
            "low": ends["low"],
            "high": ends["high"],
        }
        for metric, ends in found.items()
    }


def per_user(results: dict[str, Result], user_ids: list[str]) -> pd.DataFrame:
    """One row a recommender and user: user_id, recommender, and a column a metric."""
    frames = [
        pd.DataFrame({"user_id": user_ids, "recommender": name, **result.per_user})
        for name, result in results.items()
    ]
    return pd.concat(frames, ignore_index=True)


def per_slice(cut: dict[slices.Slice, np.ndarray], headline: list[str], user_ids: list[str]) -> pd.DataFrame:
    """One row a slice and user in it: user_id, group, slice, and a column a metric; see `Report.cut`."""
    names, parts = np.array(user_ids, dtype=object), []
    for part, values in cut.items():
        inside = ~np.isnan(values).all(1)
        columns = dict(zip(headline, values[inside].T, strict=True))
        parts.append(
            pd.DataFrame({"user_id": names[inside], "group": part.group, "slice": part.name, **columns})
        )
    return pd.concat(parts, ignore_index=True)


def _rounded(numbers: Numbers) -> Numbers:
    return {name: round(value, DIGITS) for name, value in numbers.items() if not np.isnan(value)}
