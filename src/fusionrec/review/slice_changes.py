"""Slices in which a metric got worse."""

from typing import Any, NamedTuple

import pandas as pd

from fusionrec.evaluation import comparison
from fusionrec.review import evidence, headline, runs
from fusionrec.review.evidence import Tables
from fusionrec.review.revision import Side
from fusionrec.review.section import ROWS, Section, interval

SLICES = "plots/slices.csv"
Interval = dict[str, float]


class Fall(NamedTuple):
    """A slice that got worse.

    Attributes:
        group: what users or items are divided by.
        name: of the slice in the group.
        users: number of users over which the means are.
        a: the mean before, and, unless paired by user, its 95 % interval: {mean, low, high}.
        b: the same for the mean after.
        difference: b - a, and, if paired by user, its interval.
        answer: whether it is beyond chance: yes, no, or why that is unknown.
    """

    group: str
    name: str
    users: int
    a: Interval
    b: Interval
    difference: Interval
    answer: str


class Falls(NamedTuple):
    """The slices that got worse, those beyond chance first, then the largest fall.

    Attributes:
        slices: one for each.
        question: the heading above their answers.
        requirement: what a `yes` requires.
    """

    slices: list[Fall]
    question: str
    requirement: str


def section(a: list[Side], b: list[Side], measured: Tables | None, metric: str) -> Section:
    """The slices that got worse beyond chance, and, folded, the others.

    Args:
        a: the runs of the first side.
        b: those of the second side.
        measured: the values of users in each slice; None if they are the same.
        metric: such as ndcg@10; higher is better.
    """
    if measured is None:
        falls = Falls([], "", "")
    elif measured.missing or not all(metric in table for table in (*measured.a, *measured.b)):
        falls = apart(evidence.table(a[0], SLICES), evidence.table(b[0], SLICES))
    else:
        falls = paired(measured.a, measured.b, metric)
    sure, rest = (
        [_cells(fall) for fall in falls.slices if (fall.answer == "yes") == yes] for yes in (True, False)
    )
    head = ["group", "slice", "users", runs.label(a), runs.label(b), "difference", falls.question]
    title = f"Slices that got worse, by {metric}"
    left_out = [f"And {len(rest) - ROWS:,} more."] if len(rest) > ROWS else []
    nothing = [] if sure else ["No slice got worse beyond chance."]
    count = (
        f"{len(rest)} slices that got worse, perhaps by chance"
        if len(rest) > 1
        else "1 slice that got worse, perhaps by chance"
    )
    return Section(title, head, sure, 2, [*nothing, *left_out, falls.requirement], rest[:ROWS], count)


def _cells(fall: Fall) -> list[str]:
    return [
        fall.group, fall.name, f"{fall.users:,}", interval(fall.a), interval(fall.b),
        interval(fall.difference, "+.4f"), fall.answer,
    ]  # fmt: skip


def paired(a: list[pd.DataFrame], b: list[pd.DataFrame], metric: str) -> Falls:
    """The slices that are worse in `b`, paired by user.

    Args:
        a: the runs of one side: one row per slice and user in it: user_id, group, slice, metric.
        b: those of the other side; slices that are not in all runs are left out.
        metric: such as ndcg@10; higher is better.
    """
    sides = [
        [run.pivot(index="user_id", columns=["group", "slice"], values=metric) for run in side]  # noqa: PD010
        for side in (a, b)
    ]
    parts = _in_all([*sides[0], *sides[1]])
    if not parts:
        return Falls([], "", "")
    numbers = list(map(str, range(len(parts))))
    before, after = ([run[parts].set_axis(numbers, axis=1).reset_index() for run in side] for side in sides)
    compared = comparison.compare(before, after, numbers)
    rows = zip(parts, compared.table.to_dict("records"), comparison.answers(compared), strict=True)
    falls = [
        Fall(
            str(group), str(name), row["users"], {"mean": row["a"]}, {"mean": row["b"]},
            {"mean": row["difference"], "low": row["low"], "high": row["high"]}, answer,
        )
        for (group, name), row, answer in rows
        if row["difference"] < 0
    ]  # fmt: skip
    requirement = f"Tested like the headline metrics, with correction for {len(parts)} slices (Bonferroni)."
    return Falls(_worst_first(falls), comparison.question(compared), requirement)


def _in_all(tables: list[pd.DataFrame]) -> list[Any]:
    """The columns, slices, in which some user has a value in all tables; in the order of the last one."""
    users = tables[0].index
    for table in tables:
        users = users.intersection(table.index)
    parts: list[Any] = [part for part in tables[-1] if all(part in table for table in tables)]
    defined = {
        part: pd.concat([table[part].reindex(users).notna() for table in tables], axis=1) for part in parts
    }
    return [part for part in parts if defined[part].all(axis=1).any()]


def apart(a: pd.DataFrame, b: pd.DataFrame) -> Falls:
    """The slices that are worse in `b`, from plots in git: models differ only if the intervals do not overlap.

    Args:
        a: one row per slice: bar ("group: slice"), users, value, low, high, as in plots/slices.csv; may be empty.
        b: the same for the other revision; slices that only one of them has are left out.
    """
    question = "models differ"
    requirement = (
        "The intervals are those of each mean, over users: if they do not overlap, the models differ."
    )
    if a.empty or b.empty:
        return Falls([], question, requirement)
    both = a.merge(b, on="bar", suffixes=(" a", " b"))
    falls = []
    for row in both[both["value b"] < both["value a"]].to_dict("records"):
        before, after = (
            {"mean": row[f"value {x}"], "low": row[f"low {x}"], "high": row[f"high {x}"]} for x in "ab"
        )
        group, _, name = str(row["bar"]).partition(": ")
        difference = {"mean": after["mean"] - before["mean"]}
        answer = "yes" if headline.apart(before, after) else "unknown"
        falls.append(Fall(group, name, row["users b"], before, after, difference, answer))
    return Falls(_worst_first(falls), question, requirement)


def _worst_first(falls: list[Fall]) -> list[Fall]:
    return sorted(falls, key=lambda fall: (fall.answer != "yes", fall.difference["mean"]))
