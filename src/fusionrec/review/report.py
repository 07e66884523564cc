"""A review: what differs between two revisions, as sentences, tables, plots and users' lists."""

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

import pandas as pd

from fusionrec.evaluation import comparison
from fusionrec.evaluation.comparison import Comparison
from fusionrec.evaluation.revisions import PER_SLICE, PER_USER
from fusionrec.review import changes, evidence, lists, sides, slices
from fusionrec.review.evidence import Plot, Shelf, Tables
from fusionrec.review.sides import EVALUATION, Side

SLICES = "plots/slices.csv"
MODEL = "model"  # the recommender that is reviewed
ROWS = 40  # of a table
FALLS = 15
USERS = 6  # whose lists are shown
HISTORY = 8  # choices of each
TASK = ("metrics.protocol", "metrics.negatives", "metrics.candidates")  # what is asked of a recommender


class Section(NamedTuple):
    """A table with its title.

    Attributes:
        title: of the section.
        head: of the columns.
        rows: cells in words.
        text: so many leading columns are words, the others figures.
        notes: sentences below it.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    text: int
    notes: list[str]


class Review(NamedTuple):
    """All that differs.

    Attributes:
        a: the first revision's name.
        b: the second one's.
        verdicts: whether the headline metrics differ, a sentence each.
        warnings: why not to trust what follows.
        sections: tables.
        details: tables of what is looked at last.
        plots: those that differ.
        shelves: users whose lists changed most.
        users: how many users' lists changed, in a sentence; empty where none did.
    """

    a: str
    b: str
    verdicts: list[str]
    warnings: list[str]
    sections: list[Section]
    details: list[Section]
    plots: list[Plot]
    shelves: list[Shelf]
    users: str


def same(review: Review) -> bool:
    """Whether nothing differs at all."""
    return not any(review[2:])


def build(a: Side, b: Side, seed: int) -> Review:
    """Gather all that differs between two sides; the seed is the bootstrap's."""
    headline = [str(name) for name in b.params.get("metrics", {}).get("headline", [])]
    measured = evidence.tables(a, b, PER_USER)
    verdicts, metrics = _metrics(a, b, measured, headline, seed)
    shelves, users = _users(a, b, evidence.tables(a, b, evidence.LISTS))
    sections = [
        _section("Parameters", ["parameter", a.name, b.name], 3, _parameters(a, b)),
        *metrics,
        *(_falls(a, b, metric, seed) for metric in headline[:1]),
    ]
    details = [_further(a, b, headline), _rivals(a, b, headline), _figures(a, b), _sources(a, b)]
    warnings = [*_stale(a), *_stale(b), *_task(a, b)]
    kept, kept_details = ([part for part in parts if part.rows] for parts in (sections, details))
    plots = evidence.plots(a, b)
    found = Review(a.name, b.name, verdicts, warnings, kept, kept_details, plots, shelves, users)
    if measured is None and not same(found):
        return found._replace(verdicts=["The metrics of all users are the same."])
    return found


def _section(
    title: str, head: list[str], text: int, rows: Iterable[list[str]], notes: Iterable[str] = ()
) -> Section:
    """A section of at most `ROWS` rows, which says how many there are besides."""
    found = list(rows)
    rest = [f"And {len(found) - ROWS:,} more."] if len(found) > ROWS else []
    return Section(title, head, found[:ROWS], text, [*rest, *notes])


def _parameters(a: Side, b: Side) -> Iterable[list[str]]:
    for change in changes.between(changes.flat(a.params), changes.flat(b.params)):
        yield [change.name, changes.shown(change.a), changes.shown(change.b)]


def _sources(a: Side, b: Side) -> Section:
    rows = (
        [change.name, "added" if change.a is None else "removed" if change.b is None else "changed"]
        for change in changes.between(a.sources, b.sources)
    )
    return _section("Code and input", ["file", "what happened"], 2, rows)


def _metrics(
    a: Side, b: Side, measured: Tables | None, headline: list[str], seed: int
) -> tuple[list[str], list[Section]]:
    """Verdicts and tables on the headline metrics: with tests, or without where users' values are missing."""
    if measured is None:
        return [], []
    if measured.missing:
        return _untested(a, b, headline, measured.missing)
    first, second = (_of_model(table) for table in measured[:2])
    names = [name for name in headline if name in first and name in second]
    if not names or first["user_id"].isin(second["user_id"]).sum() == 0:
        return [f"{a.name} and {b.name} have no headline metric or no user in common."], []
    found = comparison.compare(first, second, names, seed)
    return _verdicts(found, a.name, b.name), [_tested(found, a.name, b.name)]


def _of_model(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["recommender"] == MODEL] if "recommender" in table else table


def _verdicts(found: Comparison, a: str, b: str) -> list[str]:
    if comparison.same(found):
        return [f"No headline metric differs for any of {found.common:,} users."]
    rows = zip(found.table.to_dict("records"), comparison.beyond_chance(found), strict=True)
    return [_verdict(row, sure, a, b) for row, sure in rows]


def _verdict(row: dict[Hashable, Any], sure: bool, a: str, b: str) -> str:
    if not row["difference"]:
        return f"{row['metric']} is the same, {row['a']:.4f}."
    way = "higher" if row["difference"] > 0 else "lower"
    means = f"{row['a']:.4f} in {a}, {row['b']:.4f} in {b}"
    return f"{row['metric']} is {way}: {means}, {'beyond chance' if sure else 'which may be chance'}."


def _tested(found: Comparison, a: str, b: str) -> Section:
    head, *rows = comparison.cells(found, a, b)
    seeds = (
        "The tests cover the draw of users, not that of the seed: for a claim about a method compare seeds."
    )
    rows = [] if comparison.same(found) else rows
    return Section("Headline metrics", head, rows, 1, [comparison.footnote(found, a, b), seeds])


def _untested(a: Side, b: Side, headline: list[str], missing: list[str]) -> tuple[list[str], list[Section]]:
    """From what git holds alone: intervals that do not touch are beyond chance, others say nothing."""
    verdicts, rows = [], []
    for metric in headline:
        x, y = (evidence.interval(side, MODEL, metric) for side in (a, b))
        if x is None or y is None:
            continue
        if x["mean"] == y["mean"]:
            verdicts.append(f"{metric} is the same, {x['mean']:.4f}.")
            continue
        apart = "low" in x and "low" in y and (x["high"] < y["low"] or y["high"] < x["low"])
        way = "higher" if y["mean"] > x["mean"] else "lower"
        sure = "beyond chance" if apart else "and whether by chance is not known without the values of users"
        verdicts.append(
            f"{metric} is {way}: {x['mean']:.4f} in {a.name}, {y['mean']:.4f} in {b.name}, {sure}."
        )
        rows.append(
            [metric, _interval(x), _interval(y), f"{y['mean'] - x['mean']:+.4f}", "yes" if apart else "not known"]
        )  # fmt: skip
    notes = [
        f"{PER_USER} of {' and '.join(missing)} is neither in DVC's cache nor in a remote, so that no test "
        "is paired by user: these are means with the 95 % interval of each."
    ]
    head = ["metric", a.name, b.name, "difference", "beyond chance"]
    return verdicts, [Section("Headline metrics", head, rows, 1, notes)]


def _interval(ends: dict[str, float], form: str = ".4f") -> str:
    """A mean, with its interval where there is one."""
    mean = f"{ends['mean']:{form}}"
    return f"{mean} ({ends['low']:{form}} to {ends['high']:{form}})" if "low" in ends else mean


def _further(a: Side, b: Side, headline: list[str]) -> Section:
    """The model's other metrics."""
    first, second = (side.evaluation.get(MODEL, {}) for side in (a, b))
    rows = [_figure(change) for change in changes.between(first, second) if change.name not in headline]
    return _section("Other metrics of the model", ["metric", a.name, b.name, "difference"], 1, rows,
                    ["Not tested."])  # fmt: skip


def _rivals(a: Side, b: Side, headline: list[str]) -> Section:
    """Headline metrics of the other recommenders, which change where more than the model did."""
    first, second = (
        {
            f"{name} {metric}": values[metric]
            for name, values in side.evaluation.items()
            for metric in headline
            if name not in (MODEL, "users") and metric in values
        }
        for side in (a, b)
    )
    rows = [_figure(change) for change in changes.between(first, second)]
    return _section("Other recommenders", ["metric", a.name, b.name, "difference"], 1, rows, ["Not tested."])


def _figures(a: Side, b: Side) -> Section:
    """What other stages measured."""
    first, second = (
        {
            f"{path.removeprefix('metrics/').removesuffix('.json')}: {name}": value
            for path, tree in side.figures.items()
            if path != EVALUATION
            for name, value in changes.flat(tree).items()
        }
        for side in (a, b)
    )
    rows = [_figure(change) for change in changes.between(first, second)]
    return _section("Other figures", ["figure", a.name, b.name, "difference"], 1, rows)


def _figure(change: changes.Change) -> list[str]:
    return [change.name, changes.shown(change.a), changes.shown(change.b), changes.difference(change)]


def _falls(a: Side, b: Side, metric: str, seed: int) -> Section:
    """Paired by user where the values of users are to be had, else from the intervals that git holds."""
    measured = evidence.tables(a, b, PER_SLICE)
    if measured is None:
        found, note = [], ""
    elif measured.missing or metric not in measured.a or metric not in measured.b:
        found = slices.apart(evidence.table(a, SLICES), evidence.table(b, SLICES))
        note = "The intervals are those of each mean: where they do not touch, the fall is beyond chance."
    else:
        found = slices.paired(measured.a, measured.b, metric, seed)
        note = (
            "Paired by user, as the headline metrics; p-values are adjusted for the number of slices (Holm)."
        )
    rows = [
        [
            fall.group, fall.name, f"{fall.users:,}", _interval(fall.a), _interval(fall.b),
            _interval(fall.difference, "+.4f"), {True: "yes", False: "no", None: "not known"}[fall.sure],
        ]
        for fall in found[:FALLS]
    ]  # fmt: skip
    rest = [f"And {len(found) - FALLS:,} more."] if len(found) > FALLS else []
    head = ["group", "slice", "users", a.name, b.name, "difference", "beyond chance"]
    return Section(f"Slices that got worse, by {metric}", head, rows, 2, [*rest, note])


def _users(a: Side, b: Side, listed: Tables | None) -> tuple[list[Shelf], str]:
    if listed is None:
        return [], ""
    if listed.missing:
        missing = " and ".join(listed.missing)
        return [], f"Not shown: {evidence.LISTS} of {missing} is neither in DVC's cache nor in a remote."
    found = lists.compare(listed.a, listed.b)
    moved = [one for one in found if one.a != one.b]
    if found and not moved:
        return [], ""
    shelves = evidence.shelves(a, b, moved[:USERS], sides.workspace_outs(), HISTORY)
    return shelves, f"{len(moved):,} of the {len(found):,} users in both have another list."


def _stale(side: Side) -> list[str]:
    names = sides.stale(side)
    few = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    return [f"{side.name}: {few} changed after dvc.lock was written; run dvc repro."] if names else []


def _task(a: Side, b: Side) -> list[str]:
    """Why the two may not have been asked the same."""
    first, second = (_asked(side) for side in (a, b))
    names = ", ".join(change.name for change in changes.between(first, second))
    if not names:
        return []
    return [
        f"The two were not asked the same ({names}), so that differences are not those of the model alone."
    ]


def _asked(side: Side) -> dict[str, Any]:
    given = changes.flat(side.params)
    users = {f"users {name}": count for name, count in side.evaluation.get("users", {}).items()}
    return {"data/splits": side.outs.get("data/splits")} | {name: given.get(name) for name in TASK} | users
