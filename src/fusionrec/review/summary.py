"""A review: what differs between two revisions, as sentences, tables, plots and users' lists."""

from collections.abc import Hashable, Iterable
from typing import Any, NamedTuple

import pandas as pd

from fusionrec.evaluation import comparison
from fusionrec.evaluation.comparison import Comparison
from fusionrec.review import changes, evidence, list_changes, revision, slice_changes
from fusionrec.review.evidence import Plot, Shelf, Tables
from fusionrec.review.revision import EVALUATION, Side
from fusionrec.review.revision_files import PER_SLICE, PER_USER
from fusionrec.trees import flat

SLICES = "plots/slices.csv"
MODEL = "model"  # the recommender that is reviewed
ROWS = 40  # of a table
FALLS = 15
USERS = 6  # whose lists are shown
HISTORY = 8  # choices of each that are shown
TASK = ("metrics.protocol", "metrics.negatives", "metrics.candidates")  # which items are ranked


class Section(NamedTuple):
    """A table with its title.

    Attributes:
        title: of the section.
        head: of the columns.
        rows: cells as text.
        text: how many leading columns are words; the others are numbers.
        notes: sentences below the table.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    text: int
    notes: list[str]


class Review(NamedTuple):
    """Everything that differs.

    Attributes:
        a: the first revision's name.
        b: the second revision's name.
        verdicts: one sentence per headline metric: whether it differs.
        warnings: why the comparison may mislead.
        sections: tables.
        details: tables that matter least.
        plots: those that differ.
        shelves: users whose lists changed most.
        users: how many users' lists changed, in a sentence; empty if none did.
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
    """Whether the two revisions are the same."""
    return not any(review[2:])


def build(a: Side, b: Side, seed: int) -> Review:
    """Gather everything that differs between two sides; the seed is that of the bootstrap."""
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
    review = Review(a.name, b.name, verdicts, warnings, kept, kept_details, plots, shelves, users)
    if measured is None and not same(review):
        return review._replace(verdicts=["The metrics of all users are the same."])
    return review


def _section(
    title: str, head: list[str], text: int, rows: Iterable[list[str]], notes: Iterable[str] = ()
) -> Section:
    """A section of at most `ROWS` rows, with a note on how many were left out."""
    cells = list(rows)
    rest = [f"And {len(cells) - ROWS:,} more."] if len(cells) > ROWS else []
    return Section(title, head, cells[:ROWS], text, [*rest, *notes])


def _parameters(a: Side, b: Side) -> Iterable[list[str]]:
    for change in changes.between(flat(a.params), flat(b.params)):
        yield [change.name, changes.shown(change.a), changes.shown(change.b)]


def _sources(a: Side, b: Side) -> Section:
    rows = (
        [change.name, "added" if change.a is None else "removed" if change.b is None else "changed"]
        for change in [*changes.between(a.sources, b.sources), *evidence.code(a, b)]
    )
    return _section("Code and input", ["file", "what happened"], 2, rows)


def _metrics(
    a: Side, b: Side, measured: Tables | None, headline: list[str], seed: int
) -> tuple[list[str], list[Section]]:
    """Verdicts and tables on the headline metrics; without tests if the values of users are not available."""
    if measured is None:
        return [], []
    if measured.missing:
        return _untested(a, b, headline, measured.missing)
    first, second = (_of_model(table) for table in measured[:2])
    names = [name for name in headline if name in first and name in second]
    if not names or first["user_id"].isin(second["user_id"]).sum() == 0:
        return [f"{a.name} and {b.name} have no headline metric or no user in common."], []
    compared = comparison.compare(first, second, names, seed)
    return _verdicts(compared, a.name, b.name), [_tested(compared, a.name, b.name)]


def _of_model(table: pd.DataFrame) -> pd.DataFrame:
    return table[table["recommender"] == MODEL] if "recommender" in table else table


def _verdicts(compared: Comparison, a: str, b: str) -> list[str]:
    if comparison.same(compared):
        return [f"No headline metric differs for any of {compared.common:,} users."]
    rows = zip(compared.table.to_dict("records"), comparison.beyond_chance(compared), strict=True)
    return [_verdict(row, sure, a, b) for row, sure in rows]


def _verdict(row: dict[Hashable, Any], sure: bool, a: str, b: str) -> str:
    if not row["difference"]:
        return f"{row['metric']} is the same, {row['a']:.4f}."
    direction = "higher" if row["difference"] > 0 else "lower"
    means = f"{row['a']:.4f} in {a}, {row['b']:.4f} in {b}"
    return f"{row['metric']} is {direction}: {means}, {'beyond chance' if sure else 'which may be chance'}."


def _tested(compared: Comparison, a: str, b: str) -> Section:
    head, *rows = comparison.cells(compared, a, b)
    seeds = (
        "The tests account for the sample of users, not for the seed: compare several seeds before claiming that a "
        "method is better."
    )
    rows = [] if comparison.same(compared) else rows
    return Section("Headline metrics", head, rows, 1, [comparison.footnote(compared, a, b), seeds])


def _untested(a: Side, b: Side, headline: list[str], missing: list[str]) -> tuple[list[str], list[Section]]:
    """From files in git only: intervals that do not overlap are beyond chance; for others it is unknown."""
    verdicts, rows = [], []
    for metric in headline:
        x, y = (evidence.interval(side, MODEL, metric) for side in (a, b))
        if x is None or y is None:
            continue
        if x["mean"] == y["mean"]:
            verdicts.append(f"{metric} is the same, {x['mean']:.4f}.")
            continue
        apart = "low" in x and "low" in y and (x["high"] < y["low"] or y["high"] < x["low"])
        direction = "higher" if y["mean"] > x["mean"] else "lower"
        sure = "beyond chance" if apart else "and without the values of users it is unknown whether by chance"
        verdicts.append(
            f"{metric} is {direction}: {x['mean']:.4f} in {a.name}, {y['mean']:.4f} in {b.name}, {sure}."
        )
        rows.append(
            [metric, _interval(x), _interval(y), f"{y['mean'] - x['mean']:+.4f}", "yes" if apart else "unknown"]
        )  # fmt: skip
    notes = [
        f"{PER_USER} of {' and '.join(missing)} is neither in DVC's cache nor in a remote, so there are no tests "
        "paired by user: these are means, each with its 95 % interval."
    ]
    head = ["metric", a.name, b.name, "difference", "beyond chance"]
    return verdicts, [Section("Headline metrics", head, rows, 1, notes)]


def _interval(ends: dict[str, float], form: str = ".4f") -> str:
    """A mean, with its interval if there is one."""
    mean = f"{ends['mean']:{form}}"
    return f"{mean} ({ends['low']:{form}} to {ends['high']:{form}})" if "low" in ends else mean


def _further(a: Side, b: Side, headline: list[str]) -> Section:
    """The model's other metrics."""
    first, second = (side.evaluation.get(MODEL, {}) for side in (a, b))
    rows = [_figure(change) for change in changes.between(first, second) if change.name not in headline]
    return _section("Other metrics of the model", ["metric", a.name, b.name, "difference"], 1, rows,
                    ["Not tested."])  # fmt: skip


def _rivals(a: Side, b: Side, headline: list[str]) -> Section:
    """Headline metrics of the other recommenders; they differ if more than the model changed."""
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
    """Metrics of other stages."""
    first, second = (
        {
            f"{path.removeprefix('metrics/').removesuffix('.json')}: {name}": value
            for path, tree in side.figures.items()
            if path != EVALUATION
            for name, value in flat(tree).items()
        }
        for side in (a, b)
    )
    rows = [_figure(change) for change in changes.between(first, second)]
    return _section("Other figures", ["figure", a.name, b.name, "difference"], 1, rows)


def _figure(change: changes.Change) -> list[str]:
    return [change.name, changes.shown(change.a), changes.shown(change.b), changes.difference(change)]


def _falls(a: Side, b: Side, metric: str, seed: int) -> Section:
    """Paired by user if the values of users are available, otherwise from the intervals of plots in git."""
    measured = evidence.tables(a, b, PER_SLICE)
    if measured is None:
        falls, note = [], ""
    elif measured.missing or metric not in measured.a or metric not in measured.b:
        falls = slice_changes.apart(evidence.table(a, SLICES), evidence.table(b, SLICES))
        note = "The intervals are those of each mean: if they do not overlap, the fall is beyond chance."
    else:
        falls = slice_changes.paired(measured.a, measured.b, metric, seed)
        note = "Paired by user, like the headline metrics; p-values are adjusted for the number of slices (Holm)."
    rows = [
        [
            fall.group, fall.name, f"{fall.users:,}", _interval(fall.a), _interval(fall.b),
            _interval(fall.difference, "+.4f"), {True: "yes", False: "no", None: "unknown"}[fall.sure],
        ]
        for fall in falls[:FALLS]
    ]  # fmt: skip
    rest = [f"And {len(falls) - FALLS:,} more."] if len(falls) > FALLS else []
    head = ["group", "slice", "users", a.name, b.name, "difference", "beyond chance"]
    return Section(f"Slices that got worse, by {metric}", head, rows, 2, [*rest, note])


def _users(a: Side, b: Side, listed: Tables | None) -> tuple[list[Shelf], str]:
    if listed is None:
        return [], ""
    if listed.missing:
        missing = " and ".join(listed.missing)
        return [], f"Not shown: {evidence.LISTS} of {missing} is neither in DVC's cache nor in a remote."
    in_both = list_changes.compare(listed.a, listed.b)
    changed = [lists for lists in in_both if lists.a != lists.b]
    if in_both and not changed:
        return [], ""
    shelves = evidence.shelves(a, b, changed[:USERS], revision.workspace_outs(), HISTORY)
    return shelves, f"The lists of {len(changed):,} of the {len(in_both):,} users in both differ."


def _stale(side: Side) -> list[str]:
    names = revision.stale(side)
    few = ", ".join(names[:3]) + (f" and {len(names) - 3:,} more" if len(names) > 3 else "")
    return [f"{side.name}: {few} changed after dvc.lock was written; run dvc repro."] if names else []


def _task(a: Side, b: Side) -> list[str]:
    """A warning if the two had different tasks."""
    first, second = (_asked(side) for side in (a, b))
    names = ", ".join(change.name for change in changes.between(first, second))
    if not names:
        return []
    return [f"The two had different tasks ({names}), so differences are not due to the model alone."]


def _asked(side: Side) -> dict[str, Any]:
    given = flat(side.params)
    users = {f"users {name}": count for name, count in side.evaluation.get("users", {}).items()}
    return {"data/splits": side.outs.get("data/splits")} | {name: given.get(name) for name in TASK} | users
