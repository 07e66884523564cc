"""Tables of the plots: a row for each point of a line, or for each bar."""

from typing import Any

import numpy as np
import pandas as pd

from fusionrec.evaluation.metrics import catalogue

STEPS = 50


def at_k(intervals: dict[str, Any], names: list[str], ks: list[int], metric: str) -> pd.DataFrame:
    """A metric by cut-off, with intervals.

    Args:
        intervals: {recommender: {metric@k: {mean, low, high}}}, see `report.Report`.
        names: of recommenders.
        ks: cut-offs.
        metric: without cut-off, such as ndcg.

    Returns:
        Columns k, series, `metric`, low, high (NaN without interval); a row for each recommender and cut-off.
    """
    rows = [
        {"k": k, "series": name, metric: ends["mean"], **_ends(ends)}
        for name in names
        for k in sorted(ks)
        if (ends := intervals[name].get(f"{metric}@{k}"))
    ]
    return pd.DataFrame(rows, columns=["k", "series", metric, "low", "high"])


def exposure(lists: dict[str, np.ndarray], popularity: np.ndarray) -> pd.DataFrame:
    """The share of the recommendations that popular items get.

    Items are sorted by train popularity, ties by row. The first share `catalogue` of them has `share` of the train
    interactions (the series `consumed`), and of the lists of each recommender.

    Args:
        lists: int64 [users, length] by recommender, -1 where one is short.
        popularity: int64 [items], train interactions.

    Returns:
        Columns catalogue, series, share.
    """
    items = len(popularity)
    order = np.argsort(-popularity, kind="stable")
    ends = np.unique(np.round(np.linspace(0, items, STEPS + 1)).astype(np.int64))
    held = {"consumed": popularity} | {
        name: catalogue.exposure(ranked, items) for name, ranked in lists.items()
    }
    parts = [
        pd.DataFrame({"catalogue": ends / items, "series": name, "share": _share(counts[order])[ends]})
        for name, counts in held.items()
    ]
    return pd.concat(parts, ignore_index=True).round(6)


def _share(counts: np.ndarray) -> np.ndarray:
    """float64 [items + 1]: the share of the total that the first 0, 1, ... items have."""
    return np.concatenate([[0], np.cumsum(counts)]) / max(counts.sum(), 1)


def coverage(lists: dict[str, np.ndarray], items: int) -> pd.DataFrame:
    """Coverage of the catalogue (see `metrics.catalogue.coverage`) by cut-off.

    Args:
        lists: int64 [users, length] by recommender, -1 where one is short.
        items: size of the catalogue.

    Returns:
        Columns k, series, coverage; a row for each recommender and each k from 1 to `length`.
    """
    rows = [
        {"k": k, "series": name, "coverage": catalogue.coverage(ranked[:, :k], items)}
        for name, ranked in lists.items()
        for k in range(1, ranked.shape[1] + 1)
    ]
    return pd.DataFrame(rows, columns=["k", "series", "coverage"]).round(6)


def bars(sliced: dict[str, Any], metric: str) -> pd.DataFrame:
    """A metric by slice.

    Args:
        sliced: {group: {slice: {users, metric: {mean, low, high}}}}, see `report.Report`.
        metric: such as ndcg@10.

    Returns:
        Columns bar, users, value, low, high (NaN without interval); a row for each slice that has a user.
    """
    rows = [
        {"bar": f"{group}: {name}", "users": row["users"], "value": row[metric]["mean"], **_ends(row[metric])}
        for group, names in sliced.items()
        for name, row in names.items()
        if row.get(metric)
    ]
    return pd.DataFrame(rows, columns=["bar", "users", "value", "low", "high"])


def ablation(losses: dict[str, Any], metric: str) -> pd.DataFrame:
    """The loss of a metric without each input.

    Args:
        losses: see `ablation.of_inputs`.
        metric: such as ndcg@10.

    Returns:
        Columns bar, value, low, high (NaN without interval); a row for each input and way of ablation.
    """
    rows = [
        {"bar": f"{modality} {how}", "value": by_metric[metric]["loss"], **_ends(by_metric[metric])}
        for modality, ways in losses.items()
        for how, by_metric in ways.items()
    ]
    return pd.DataFrame(rows, columns=["bar", "value", "low", "high"])


def _ends(interval: dict[str, float | None]) -> dict[str, float]:
    """The ends of an interval, NaN if there is none."""
    return {end: np.nan if interval[end] is None else float(interval[end] or 0) for end in ("low", "high")}
