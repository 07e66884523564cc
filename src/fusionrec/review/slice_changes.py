"""Slices in which a metric got worse."""

from typing import Any, NamedTuple

import pandas as pd

from fusionrec.evaluation import comparison

Interval = dict[str, float]


class Fall(NamedTuple):
    """A slice that got worse.

    Attributes:
        group: what users or items are divided by.
        name: of the slice in the group.
        users: number of users over which the means are.
        a: the mean before, and, unless paired by user, its 95 % interval: {mean, low, high}.
        b: the same for the mean after.
        difference: b - a, and, if paired by user, its 95 % interval.
        sure: whether it is beyond chance; None: unknown, since the intervals overlap.
    """

    group: str
    name: str
    users: int
    a: Interval
    b: Interval
    difference: Interval
    sure: bool | None


def paired(a: pd.DataFrame, b: pd.DataFrame, metric: str, seed: int) -> list[Fall]:
    """The slices that are worse in `b`, paired by user: those beyond chance first, then the largest fall.

    Args:
        a: one row per slice and user in it: user_id, group, slice, metric.
        b: the same for the other revision; slices that only one of them has are left out.
        metric: such as ndcg@10; higher is better.
        seed: of the bootstrap.
    """
    before, after = (
        table.pivot(index="user_id", columns=["group", "slice"], values=metric)  # noqa: PD010  (nothing to average)
        for table in (a, b)
    )
    both: list[Any] = [
        part for part in after if part in before and (before[part].notna() & after[part].notna()).any()
    ]
    if not both:
        return []
    numbers = list(map(str, range(len(both))))
    first, second = (table[both].set_axis(numbers, axis=1).reset_index() for table in (before, after))
    compared = comparison.compare(first, second, numbers, seed)
    rows = zip(both, compared.table.to_dict("records"), comparison.beyond_chance(compared), strict=True)
    falls = [
        Fall(
            str(group), str(name), row["users"], {"mean": row["a"]}, {"mean": row["b"]},
            {"mean": row["difference"], "low": row["low"], "high": row["high"]}, sure,
        )
        for (group, name), row, sure in rows
        if row["difference"] < 0
    ]  # fmt: skip
    return _worst_first(falls)


def apart(a: pd.DataFrame, b: pd.DataFrame) -> list[Fall]:
    """The slices that are worse in `b`, from plots in git: beyond chance only if the intervals do not overlap.

    Args:
        a: one row per slice: bar ("group: slice"), users, value, low, high, as in plots/slices.csv; may be empty.
        b: the same for the other revision; slices that only one of them has are left out.
    """
    if a.empty or b.empty:
        return []
    both = a.merge(b, on="bar", suffixes=(" a", " b"))
    falls = []
    for row in both[both["value b"] < both["value a"]].to_dict("records"):
        before, after = (
            {"mean": row[f"value {x}"], "low": row[f"low {x}"], "high": row[f"high {x}"]} for x in "ab"
        )
        group, _, name = str(row["bar"]).partition(": ")
        difference = {"mean": after["mean"] - before["mean"]}
        sure = after["high"] < before["low"] or None
        falls.append(Fall(group, name, row["users b"], before, after, difference, sure))
    return _worst_first(falls)


def _worst_first(falls: list[Fall]) -> list[Fall]:
    return sorted(falls, key=lambda fall: (not fall.sure, fall.difference["mean"]))
