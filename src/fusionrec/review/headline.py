"""Whether the headline metrics differ, as sentences and a table."""

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd

from fusionrec.errors import UserError
from fusionrec.evaluation import comparison
from fusionrec.evaluation.comparison import Comparison
from fusionrec.evaluation.intervals import TOO_FEW
from fusionrec.review import evidence, runs
from fusionrec.review.evidence import Tables
from fusionrec.review.revision import Side
from fusionrec.review.revision_files import PER_USER
from fusionrec.review.section import Section, interval

MODEL = "model"  # the recommender that is reviewed
Found = tuple[list[str], list[Section]]  # verdicts and tables


def compare(a: list[Side], b: list[Side], measured: Tables, metrics: list[str]) -> Found:
    """Verdicts and tables; without tests if the values of users are not available.

    Args:
        a: the runs of the first side.
        b: those of the second side.
        measured: the metrics of users in all runs.
        metrics: what is compared.

    Raises:
        UserError: if there are several runs on a side, and the values of users are not available.
    """
    if measured.missing:
        if len(a) + len(b) > 2:
            raise UserError(
                f"{', '.join(measured.missing)}: {PER_USER} is neither in DVC's cache nor in a remote, and several "
                "runs are compared by the values of users; ask whoever ran them to `dvc push`"
            )
        return _untested(a[0], b[0], metrics, measured.missing)
    first, second = ([_of_model(table) for table in side] for side in measured[:2])
    names = [name for name in metrics if all(name in table for table in (*first, *second))]
    compared = comparison.compare(first, second, names) if names else None
    if compared is None or not compared.common:
        return [f"{runs.label(a)} and {runs.label(b)} have no headline metric or no user in common."], []
    known = [runs.same_recipe_note(a, b)] if runs.same_recipe(a, b) else []
    return known + _verdicts(compared, runs.label(a), runs.label(b)), [
        _tested(compared, runs.label(a), runs.label(b))
    ]


def _of_model(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["recommender"] == MODEL] if "recommender" in table else table


def _verdicts(compared: Comparison, a: str, b: str) -> list[str]:
    if comparison.same(compared):
        return [f"No headline metric differs for any of {compared.common:,} users."]
    rows = zip(compared.table.to_dict("records"), comparison.answers(compared), strict=True)
    yes = "beyond chance" if compared.seeds else "so these two trained models differ; their recipes may not"
    words = {"yes": yes, "no": "which may be chance", TOO_FEW: "with too few hits to tell whether by chance"}
    return [_verdict(row, words[answer], a, b) for row, answer in rows]


def _verdict(row: dict[Hashable, Any], words: str, a: str, b: str) -> str:
    if not row["difference"]:
        return f"{row['metric']} is the same, {row['a']:.4f}."
    direction = "higher" if row["difference"] > 0 else "lower"
    return f"{row['metric']} is {direction}: {row['a']:.4f} in {a}, {row['b']:.4f} in {b}, {words}."


def _tested(compared: Comparison, a: str, b: str) -> Section:
    head, *rows = comparison.cells(compared, a, b)
    rows = [] if comparison.same(compared) else rows
    return Section("Headline metrics", head, rows, 1, comparison.notes(compared, a, b))


def _untested(a: Side, b: Side, metrics: list[str], missing: list[str]) -> Found:
    """From files in git only: intervals that do not overlap are a difference; for others it is unknown."""
    verdicts, rows = [], []
    for metric in metrics:
        x, y = (evidence.interval(side, MODEL, metric) for side in (a, b))
        if x is None or y is None:
            continue
        if x["mean"] == y["mean"]:
            verdicts.append(f"{metric} is the same, {x['mean']:.4f}.")
            continue
        differ = apart(x, y)
        direction = "higher" if y["mean"] > x["mean"] else "lower"
        sure = (
            "so these two trained models differ; their recipes may not"
            if differ
            else "and without the values of users it is unknown whether by chance"
        )
        verdicts.append(
            f"{metric} is {direction}: {x['mean']:.4f} in {a.name}, {y['mean']:.4f} in {b.name}, {sure}."
        )
        rows.append(
            [metric, interval(x), interval(y), f"{y['mean'] - x['mean']:+.4f}", "yes" if differ else "unknown"]
        )  # fmt: skip
    notes = [
        f"{PER_USER} of {' and '.join(missing)} is neither in DVC's cache nor in a remote, so there are no tests "
        "paired by user: these are means, each with its 95 % interval, over users alone. Models differ if the two "
        "intervals do not overlap."
    ]
    return verdicts, [
        Section("Headline metrics", ["metric", a.name, b.name, "difference", "models differ"], rows, 1, notes)
    ]


def apart(x: dict[str, float], y: dict[str, float]) -> bool:
    """Whether two intervals do not overlap; no if one of them is not known."""
    ends = [side.get(end, math.nan) for side in (x, y) for end in ("low", "high")]
    return ends[1] < ends[2] or ends[3] < ends[0]
