"""Two runs on the same users: what differs, by how much, and whether it may be chance."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fusionrec.evaluation import significance


class Comparison(NamedTuple):
    """A comparison paired by user.

    Attributes:
        table: one row a metric: metric, a, b (means), difference (b - a), low, high (its 95 % bootstrap
            interval), t, wilcoxon (p-values, adjusted for the number of metrics by Holm), users (for whom the
            metric is defined in both).
        common: how many users both runs have.
        only_a, only_b: how many one of them has.
    """

    table: pd.DataFrame
    common: int
    only_a: int
    only_b: int


def compare(a: pd.DataFrame, b: pd.DataFrame, metrics: list[str], seed: int) -> Comparison:
    """Compare the users whom both have.

    Args:
        a: one row a user: user_id and the metrics.
        b: likewise.
        metrics: columns of both.
        seed: of the bootstrap.
    """
    both = a.merge(b, on="user_id", suffixes=(" a", " b"), validate="one_to_one").sort_values("user_id")
    first = both[[f"{metric} a" for metric in metrics]].to_numpy(np.float64)
    second = both[[f"{metric} b" for metric in metrics]].to_numpy(np.float64)
    samples = significance.samples(len(both), np.random.default_rng(seed))
    defined = ~np.isnan(first - second)
    first, second = np.where(defined, first, np.nan), np.where(defined, second, np.nan)
    found = significance.bootstrap(second - first, samples)
    columns = [(second - first)[defined[:, m], m] for m in range(len(metrics))]
    table = pd.DataFrame(
        {
            "metric": metrics,
            "a": significance.mean(first),
            "b": significance.mean(second),
            "difference": found.mean,
            "low": found.low,
            "high": found.high,
            "t": significance.holm(np.array([significance.t_test(x) for x in columns])),
            "wilcoxon": significance.holm(np.array([significance.wilcoxon(x) for x in columns])),
            "users": defined.sum(0),
        }
    )
    return Comparison(table, len(both), len(a) - len(both), len(b) - len(both))


def same(found: Comparison) -> bool:
    """Whether nothing differs at all: the same users, and no metric's mean or interval is off 0."""
    moved = found.table[["difference", "low", "high"]].fillna(0).to_numpy()
    return not moved.any() and not found.only_a and not found.only_b


def markdown(found: Comparison, a: str, b: str) -> str:
    """The comparison as Markdown, for a review.

    Args:
        found: the comparison.
        a: what the first run is called.
        b: what the second one is called.
    """
    if same(found):
        return f"No difference between {a} and {b}: {found.common:,} users, {len(found.table)} metrics.\n"
    head, *rows = cells(found, a, b)
    lines = ["| " + " | ".join(row) + " |" for row in [head, ["---", *["---:"] * 6, "---"], *rows]]
    return "\n".join([*lines, "", footnote(found, a, b)]) + "\n"


def cells(found: Comparison, a: str, b: str) -> list[list[str]]:
    """The table in words, its head first."""
    head = ["metric", a, b, "difference", "95 % interval", "p (t)", "p (Wilcoxon)", "beyond chance"]
    rows = zip(found.table.itertuples(), beyond_chance(found), strict=True)
    return [head, *(_row(row, sure) for row, sure in rows)]


def footnote(found: Comparison, a: str, b: str) -> str:
    """Whom the comparison is about, and what its figures are."""
    apart = [f"{n:,} only in {name}" for n, name in ((found.only_a, a), (found.only_b, b)) if n]
    users = f"{found.common:,} users in both" + (f" ({', '.join(apart)}: left out)" if apart else "")
    return (
        f"Paired by user: {users}. Intervals: bootstrap over users, one metric at a time. "
        f"p-values: adjusted for {len(found.table)} metrics (Holm)."
    )


def beyond_chance(found: Comparison) -> list[bool]:
    """Whether each row is a difference: an interval without 0, and both p-values below 0.05."""
    table = found.table
    away = (table["low"] > 0) | (table["high"] < 0)
    return (away & (table[["t", "wilcoxon"]].max(axis=1) < 0.05)).tolist()


def _row(row: "pd.core.frame._PandasNamedTuple", sure: bool) -> list[str]:  # type: ignore[name-defined]
    return [
        row.metric, f"{row.a:.4f}", f"{row.b:.4f}", f"{row.difference:+.4f}",
        f"{row.low:+.4f} to {row.high:+.4f}", _p(row.t), _p(row.wilcoxon), "yes" if sure else "no",
    ]  # fmt: skip


def _p(value: float) -> str:
    return "< 0.0001" if value < 0.0001 else f"{value:.4f}"
