"""Metrics, intervals and slices of each recommender, from its lists."""

import itertools
from collections.abc import Collection, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec.evaluation import catalogue_ranking, intervals, slices
from fusionrec.evaluation.metrics import Figures, Measure, Ranked
from fusionrec.evaluation.protocol import Task

REFERENCES = {"oracle": "share_of_best", "learner": "share_of_reachable"}  # what the demo alone has
COLD = "ndcg_cold"  # counts only items without a train interaction
Numbers = dict[str, float | None]


class Result(NamedTuple):
    """The metrics of one recommender.

    Attributes:
        ranked: its lists, and the data that they are compared with.
        per_user: {"ndcg@10": float64 [users]}, NaN where a metric is undefined for a user.
        summary: means over users and figures of all lists together, rounded; a metric that is undefined for all
            users is left out.
        families: the names of the figures of each family, in its own order.
    """

    ranked: Ranked
    per_user: dict[str, np.ndarray]
    summary: Numbers
    families: list[list[str]]


class Report(NamedTuple):
    """The results of all recommenders; `summary`, `intervals` and `slices` can be written as JSON.

    Attributes:
        results: by recommender.
        summary: {recommender: {metric: value}}; None for a metric of new items of a recommender that cannot rank them;
            `users` counts who was evaluated, and who was not and why.
        intervals: {recommender: {metric: {mean, low, high}}} of the metrics that are means over users, and leads:
            `model - popularity` is the first recommender minus another one, paired by user. Ends are None if too
            few users decide the mean.
        slices: {recommender: {group: {slice: {users, metric: {mean, low, high}}}}} of the headline metrics; None in
            place of a metric in the slice of new items of a recommender that cannot rank them.
        cut: the headline metrics of the first recommender in each slice, float64 [users, metrics], NaN for users
            who are not in the slice.
    """

    results: dict[str, Result]
    summary: dict[str, Numbers]
    intervals: dict[str, Any]
    slices: dict[str, Any]
    cut: dict[slices.Slice, np.ndarray]


def full(
    lists: dict[str, np.ndarray],
    task: Task,
    parts: list[slices.Slice],
    ks: list[int],
    families: Sequence[Measure],
    headline: list[str],
    unable: Collection[str] = (),
) -> Report:
    """All metrics, intervals and slices.

    Args:
        lists: int64 [users, length] each, ranked, by name of the recommender.
        task: the evaluation that they are for.
        parts: the slices.
        ks: cut-offs.
        families: the metrics; see `evaluate`.
        headline: accuracy metrics, for which slices and leads are reported.
        unable: names of recommenders that cannot rank items without a train interaction: of these items they have no
            metrics, rather than zeros.
    """
    results = {name: evaluate(ranked, task, ks, families) for name, ranked in lists.items()}
    results |= {name: _without_new_items(results[name]) for name in unable}
    parts_of = {
        name: [part for part in parts if name not in unable or not part.of_cold_items] for name in results
    }
    first = next(iter(results))
    kept: dict[slices.Slice, np.ndarray] = {}
    measured: dict[str, Any] = {}
    leads: dict[str, Any] = {}
    sliced: dict[str, Any] = {}
    for name, result in results.items():
        cut = _cut(result, task, parts_of[name], headline)
        kept = kept or cut
        lead = {} if name == first else _lead(results[first], result, headline)
        ends = intervals.by_name({**result.per_user, **lead, **_columns(cut, headline)})
        measured[name] = {metric: ends[metric] for metric in result.per_user if metric in ends}
        if lead:
            leads[f"{first} - {name}"] = {metric: ends["lead", metric] for metric in headline}
        sliced[name] = _tabulated(cut, ends, headline)
        if name in unable:
            sliced[name][slices.COLD[0]][slices.COLD[1]] = {"users": 0, **dict.fromkeys(headline)}
    return Report(results, summary(results, task, ks), measured | leads, sliced, kept)


def evaluate(lists: np.ndarray, task: Task, ks: list[int], families: Sequence[Measure]) -> Result:
    """The metrics of one or more families, in the order of the reports.

    First come the metrics of each user: those of the first family as they are, those of the others by cut-off. Then
    come the figures of all lists together, by cut-off.

    Args:
        lists: int64 [users, length], ranked, -1 where one is short.
        task: the evaluation that they are for.
        ks: cut-offs.
        families: see `fusionrec.evaluation.metrics`.
    """
    hits = catalogue_ranking.hits(lists, task.users, task.held_out, len(task.popularity))
    held_out = task.held_out.pairs(task.users)
    ranked = Ranked(lists, hits, held_out, ks, task.popularity, task.tail, task.vectors, task.train_users)
    measured = [measure(ranked) for measure in families]
    first, *others = measured
    figures = first | _by_cut_off({name: value for family in others for name, value in family.items()})
    per_user = {name: value for name, value in figures.items() if isinstance(value, np.ndarray)}
    means = intervals.mean(np.stack(list(per_user.values()), 1)).tolist()
    together = _by_cut_off({name: value for name, value in figures.items() if name not in per_user})
    numbers = _rounded({**dict(zip(per_user, means, strict=True)), **together})
    return Result(ranked, per_user, numbers, [list(family) for family in measured])


def _without_new_items(result: Result) -> Result:
    """The result, without the metrics of items without a train interaction."""
    gone = [name for name in result.summary if name.partition("@")[0] == COLD]
    return result._replace(summary=result.summary | dict.fromkeys(gone))


def _by_cut_off(figures: Figures) -> Figures:
    return dict(sorted(figures.items(), key=lambda figure: int(figure[0].partition("@")[2] or 0)))


def _cut(
    result: Result, task: Task, parts: list[slices.Slice], headline: list[str]
) -> dict[slices.Slice, np.ndarray]:
    """The headline metrics in each slice, float64 [users, metrics]; NaN for users who are not in it."""
    return {part: slices.values(part, result.ranked, result.per_user, task.users, headline) for part in parts}


def _lead(first: Result, other: Result, headline: list[str]) -> dict[Hashable, np.ndarray]:
    """How far the first recommender is ahead of another one, user by user: float64 [users] each."""
    return {("lead", metric): first.per_user[metric] - other.per_user[metric] for metric in headline}


def _columns(cut: dict[slices.Slice, np.ndarray], headline: list[str]) -> dict[Hashable, np.ndarray]:
    """Each headline metric in each slice, float64 [users], if it is defined for anybody."""
    return {
        (part, metric): values[:, c]
        for part, values in cut.items()
        for c, metric in enumerate(headline)
        if not np.isnan(values[:, c]).all()
    }


def summary(results: dict[str, Result], task: Task, ks: list[int]) -> dict[str, Numbers]:
    """All summaries, the shares of the references' metrics that each recommender reaches, and counts of users."""
    summaries = {name: dict(result.summary) for name, result in results.items()}
    for reference, share in REFERENCES.items():
        if reference in summaries:
            for name in summaries.keys() - REFERENCES.keys():
                summaries[name] |= _shares(share, summaries[name], summaries[reference], ks)
    position, item = task.held_out.pairs(task.users)
    asked = int((task.held_out.counts > 0).sum())
    summaries["users"] = {
        "evaluated": len(task.users),
        "without_test": len(task.held_out) - asked,
        "without_candidates": asked - len(task.users),
        "cold": len(np.unique(position[task.popularity[item] == 0])),
        "tied": int(task.tied[task.users].sum()),
    }
    return summaries


def _shares(name: str, ours: Numbers, reference: Numbers, ks: list[int]) -> Numbers:
    """NDCG divided by that of the reference, named `name`, and likewise of new items."""
    shares: Numbers = {}
    for k, part in itertools.product(ks, ("", "_cold")):
        reached, most = ours.get(f"ndcg{part}@{k}"), reference.get(f"ndcg{part}@{k}")
        if most:
            shares[f"{name}{part}@{k}"] = None if reached is None else round(reached / most, intervals.DIGITS)
    return shares


def _tabulated(
    cut: dict[slices.Slice, np.ndarray], ends: dict[Hashable, intervals.Ends], headline: list[str]
) -> dict[str, Any]:
    """{group: {slice: {users, ndcg@10: {mean, low, high}}}}; `users` counts the users of the mean."""
    table: dict[str, Any] = {}
    for part, values in cut.items():
        row: dict[str, Any] = {"users": int((~np.isnan(values[:, 0])).sum())}
        row |= {metric: ends[part, metric] for metric in headline if (part, metric) in ends}
        table.setdefault(part.group, {})[part.name] = row
    return table


def per_user(results: dict[str, Result], user_ids: list[str]) -> pd.DataFrame:
    """A row for each recommender and user: user_id, recommender, and a column for each metric."""
    frames = [
        pd.DataFrame({"user_id": user_ids, "recommender": name, **result.per_user})
        for name, result in results.items()
    ]
    return pd.concat(frames, ignore_index=True)


def per_slice(cut: dict[slices.Slice, np.ndarray], headline: list[str], user_ids: list[str]) -> pd.DataFrame:
    """A row for each slice and user in it: user_id, group, slice, and a column for each metric; see `Report.cut`."""
    names, parts = np.array(user_ids, dtype=object), []
    for part, values in cut.items():
        inside = ~np.isnan(values).all(1)
        columns = dict(zip(headline, values[inside].T, strict=True))
        parts.append(
            pd.DataFrame({"user_id": names[inside], "group": part.group, "slice": part.name, **columns})
        )
    return pd.concat(parts, ignore_index=True)


def _rounded(numbers: Mapping[str, Any]) -> Numbers:
    return {name: round(value, intervals.DIGITS) for name, value in numbers.items() if not np.isnan(value)}
