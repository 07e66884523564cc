"""Compare two runs on the same users: which metrics differ, by how much, and whether by more than chance."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fusionrec.evaluation import significance


class Comparison(NamedTuple):
    """A comparison paired by user.

    Attributes:
        table: a row for each metric: metric, a, b (means), difference (b - a), low, high (its 95 % bootstrap
            interval), t, wilcoxon (p-values, adjusted for the number of metrics by Holm), users (number of users for
            whom the metric is defined in both).
        common: number of users in both runs.
        only_a, only_b: number of users in one of them only.
    """

    table: pd.DataFrame
    common: int
    only_a: int
    only_b: int


def compare(a: pd.DataFrame, b: pd.DataFrame, metrics: list[str], seed: int) -> Comparison:
    """Compare two runs on the users that are in both.

    Args:
        a: the first run, a row for each user: user_id and the metrics.
        b: the second run, likewise.
        metrics: columns of both.
        seed: of the bootstrap.
    """
    both = a.merge(b, on="user_id", suffixes=(" a", " b"), validate="one_to_one").sort_values("user_id")
    first = both[[f"{metric} a" for metric in metrics]].to_numpy(np.float64)
    second = both[[f"{metric} b" for metric in metrics]].to_numpy(np.float64)
    samples = significance.samples(len(both), np.random.default_rng(seed))
    defined = ~np.isnan(first - second)
    first, second = np.where(defined, first, np.nan), np.where(defined, second, np.nan)
    interval = significance.bootstrap(second - first, samples)
    columns = [(second - first)[defined[:, m], m] for m in range(len(metrics))]
    table = pd.DataFrame(
        {
            "metric": metrics,
            "a": significance.mean(first),
            "b": significance.mean(second),
            "difference": interval.mean,
            "low": interval.low,
            "high": interval.high,
            "t": significance.holm(np.array([significance.t_test(x) for x in columns])),
            "wilcoxon": significance.holm(np.array([significance.wilcoxon(x) for x in columns])),
            "users": defined.sum(0),
        }
    )
    return Comparison(table, len(both), len(a) - len(both), len(b) - len(both))


def same(comparison: Comparison) -> bool:
    """Whether nothing differs: the same users, and all differences and their intervals are 0."""
    moved = comparison.table[["difference", "low", "high"]].fillna(0).to_numpy()
    return not moved.any() and not comparison.only_a and not comparison.only_b


def markdown(comparison: Comparison, a: str, b: str) -> str:
    """The comparison as Markdown, for a review.

    Args:
        comparison: what is shown.
        a: name of the first run.
        b: name of the second run.
    """
    if same(comparison):
        return f"No difference between {a} and {b}: {comparison.common:,} users, {len(comparison.table)} metrics.\n"
    head, *rows = cells(comparison, a, b)
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---", *["---:"] * 6, "---"], *rows]]
    return "\n".join([*lines, "", footnote(comparison, a, b)]) + "\n"


def cells(comparison: Comparison, a: str, b: str) -> list[list[str]]:
    """The table as text, its header first."""
    head = ["metric", a, b, "difference", "95 % interval", "p (t)", "p (Wilcoxon)", "beyond chance"]
    rows = zip(comparison.table.itertuples(), beyond_chance(comparison), strict=True)
    return [head, *(_row(row, sure) for row, sure in rows)]


def footnote(comparison: Comparison, a: str, b: str) -> str:
    """Which users are compared, and how the figures are computed."""
    apart = [f"{n:,} only in {name}" for n, name in ((comparison.only_a, a), (comparison.only_b, b)) if n]
    users = f"{comparison.common:,} users in both" + (f" ({', '.join(apart)}: left out)" if apart else "")
    return (
        f"Paired by user: {users}. Intervals: bootstrap over users, one metric at a time. "
        f"p-values: adjusted for {len(comparison.table)} metrics (Holm)."
    )


def beyond_chance(comparison: Comparison) -> list[bool]:
    """Whether each row differs beyond chance: its interval excludes 0, and both p-values are below 0.05."""
    table = comparison.table
    away = (table["low"] > 0) | (table["high"] < 0)
    return (away & (table[["t", "wilcoxon"]].max(axis=1) < 0.05)).tolist()


def _row(row: "pd.core.frame._PandasNamedTuple", sure: bool) -> list[str]:  # type: ignore[name-defined]
    return [
        row.metric, f"{row.a:.4f}", f"{row.b:.4f}", f"{row.difference:+.4f}",
        f"{row.low:+.4f} to {row.high:+.4f}", _p(row.t), _p(row.wilcoxon), "yes" if sure else "no",
    ]  # fmt: skip


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
