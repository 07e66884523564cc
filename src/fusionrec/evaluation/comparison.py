"""Compare two recipes, or two trained models, on the same users: which metrics differ, and beyond chance?"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from fusionrec.evaluation import significance
from fusionrec.evaluation.intervals import LEVEL, TOO_FEW


class Comparison(NamedTuple):
    """A comparison paired by user.

    Attributes:
        table: a row for each metric: metric, a, b (means), difference (b - a), low, high and p (see
            `significance.difference`; corrected for the number of rows), se_users, se_seeds (standard errors), users
            (number of users for whom the metric is defined in all runs).
        common: number of users in all runs.
        only_a, only_b: number of users of one side who are not in all runs.
        seeds: whether both sides have several runs, so that seeds are covered too.
    """

    table: pd.DataFrame
    common: int
    only_a: int
    only_b: int
    seeds: bool


def compare(
    a: Sequence[pd.DataFrame], b: Sequence[pd.DataFrame], metrics: list[str], comparisons: int = 1
) -> Comparison:
    """Compare two sides on the users that are in all runs.

    Args:
        a: the runs of the first side, one or more with different seeds; each a row for each user: user_id and the
            metrics.
        b: those of the second side.
        metrics: columns of all runs.
        comparisons: how many such comparisons are made; p-values and intervals are corrected for all of their metrics.
    """
    sides = [[run.set_index("user_id") for run in side] for side in (a, b)]
    members = [pd.Index(np.unique(np.concatenate([run.index for run in side]))) for side in sides]
    common = members[0]
    for run in (*sides[0], *sides[1]):
        common = common.intersection(run.index)
    common = common.sort_values()
    aligned = [[run.loc[common, metrics].to_numpy(np.float64) for run in side] for side in sides]
    first, second = (np.stack(side) for side in aligned)  # [runs, users, metrics]
    tests = comparisons * len(metrics)
    rows = [_row(first[:, :, m], second[:, :, m], tests) for m in range(len(metrics))]
    table = pd.DataFrame([{"metric": metric, **row} for metric, row in zip(metrics, rows, strict=True)])
    left_out = [len(side) - len(common) for side in members]
    return Comparison(table, len(common), left_out[0], left_out[1], min(len(a), len(b)) > 1)


def _row(a: np.ndarray, b: np.ndarray, tests: int) -> dict[str, float]:
    defined = ~np.isnan(a).any(0) & ~np.isnan(b).any(0)
    a, b = a[:, defined], b[:, defined]
    if not defined.any():
        return dict.fromkeys(("a", "b", "difference", "low", "high", "p", "se_users", "se_seeds"), np.nan) | {
            "users": 0
        }
    found = significance.difference(a, b, tests)
    return {
        "a": float(a.mean()), "b": float(b.mean()), "difference": found.mean, "low": found.low, "high": found.high,
        "p": found.p, "se_users": found.users, "se_seeds": found.seeds, "users": int(defined.sum()),
    }  # fmt: skip


def same(comparison: Comparison) -> bool:
    """Whether nothing differs: the same users, and no difference for any of them."""
    moved = comparison.table[["difference", "se_users"]].fillna(0).to_numpy()
    return not moved.any() and not comparison.only_a and not comparison.only_b


def markdown(comparison: Comparison, a: str, b: str) -> str:
    """The comparison as Markdown, for a review.

    Args:
        comparison: what is shown.
        a: name of the first side.
        b: name of the second side.
    """
    if same(comparison):
        return f"No difference between {a} and {b}: {comparison.common:,} users, {len(comparison.table)} metrics.\n"
    head, *rows = cells(comparison, a, b)
    rule = ["---", *["---:"] * (len(head) - 2), "---"]
    lines = ["| " + " | ".join(row) + " |" for row in [head, rule, *rows]]
    return "\n".join([*lines, "", *notes(comparison, a, b)]) + "\n"


def cells(comparison: Comparison, a: str, b: str) -> list[list[str]]:
    """The table as text, its header first."""
    errors = ["error: users", "error: seeds"] if comparison.seeds else []
    head = ["metric", a, b, "difference", "95 % interval", *errors, "p", question(comparison)]
    rows = zip(comparison.table.itertuples(), answers(comparison), strict=True)
    return [head, *(_cells(row, answer, comparison.seeds) for row, answer in rows)]


def question(comparison: Comparison) -> str:
    """The heading above `answers`: one run a side tells about the trained models, several tell about recipes."""
    return "beyond chance" if comparison.seeds else "models differ"


def answers(comparison: Comparison) -> list[str]:
    """For each row `yes`, `no`, or why that is unknown."""
    return [TOO_FEW if np.isnan(p) else "yes" if p < 1 - LEVEL else "no" for p in comparison.table["p"]]


def notes(comparison: Comparison, a: str, b: str) -> list[str]:
    """Sentences: which users are compared, and what is tested."""
    apart = [f"{n:,} only in {name}" for n, name in ((comparison.only_a, a), (comparison.only_b, b)) if n]
    left_out = f" ({', '.join(apart)}: left out)" if apart else ""
    return [f"Paired by user: {comparison.common:,} users in both{left_out}. {requirement(comparison)}"]


def requirement(comparison: Comparison) -> str:
    """What a `yes` requires, in sentences."""
    rows = len(comparison.table)
    corrected = f", after correction for {rows} tests (Bonferroni)" if rows > 1 else ""
    test = f"requires p < {1 - LEVEL:.2g} in a t-test paired by user{corrected}; the interval excludes 0 exactly then."
    if comparison.seeds:
        return (
            f'"Beyond chance" {test} The test covers users and seeds, whose standard errors are given; that of seeds '
            "is 0 where the runs vary no more than these users explain."
        )
    return (
        f'"Models differ" {test} With one run on a side the test covers users, not seeds: it is about these two '
        "trained models, whose difference may be due to the seed. To compare recipes, name several runs a side, such "
        "as main,main-seed-2."
    )


def _cells(row: "pd.core.frame._PandasNamedTuple", answer: str, seeds: bool) -> list[str]:  # type: ignore[name-defined]
    errors = [f"{row.se_users:.4f}", f"{row.se_seeds:.4f}"] if seeds else []
    interval = "–" if np.isnan(row.low) else f"{row.low:+.4f} to {row.high:+.4f}"
    return [
        row.metric, f"{row.a:.4f}", f"{row.b:.4f}", f"{row.difference:+.4f}", interval, *errors, p_text(row.p), answer,
    ]  # fmt: skip


def p_text(value: float) -> str:
    """A p-value in a table.

    >>> p_text(0.04), p_text(0.00001)
    ('0.0400', '< 0.0001')
    """
    return "–" if np.isnan(value) else "< 0.0001" if value < 0.0001 else f"{value:.4f}"
