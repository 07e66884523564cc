"""A review: what differs between two revisions, as sentences, tables, plots and users' lists."""

from collections.abc import Iterable
from typing import Any, NamedTuple

from fusionrec.review import changes, evidence, headline, list_changes, revision, runs, slice_changes
from fusionrec.review.evidence import Plot, Shelf, Tables
from fusionrec.review.revision import Side
from fusionrec.review.revision_files import PER_SLICE, PER_USER
from fusionrec.review.section import Section, section
from fusionrec.trees import flat

USERS = 6  # whose lists are shown
HISTORY = 8  # choices of each that are shown
TASK = ("metrics.protocol", "metrics.negatives", "metrics.candidates")  # which items are ranked


class Review(NamedTuple):
    """Everything that differs.

    Attributes:
        a: the first side's name.
        b: the second side's name.
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


def build(a: list[Side], b: list[Side]) -> Review:
    """Gather everything that differs between two sides.

    Args:
        a: the runs of the first side, one or more of the same recipe. Metrics and slices are those of all runs,
            everything else that of the first one.
        b: those of the second side.
    """
    headline_metrics = [str(name) for name in b[0].params.get("metrics", {}).get("headline", [])]
    measured = evidence.tables(a, b, PER_USER)
    verdicts, metrics = (
        headline.compare(a, b, measured, headline_metrics) if measured is not None else ([], [])
    )
    of_slices = evidence.tables(a, b, PER_SLICE)
    falls = [slice_changes.section(a, b, of_slices, metric) for metric in headline_metrics[:1]]
    rest = _of_first_runs(a[0], b[0], headline_metrics, [*metrics, *falls])
    warnings = [*(warning for side in (*a, *b) for warning in _stale(side)), *_task(a[0], b[0])]
    review = rest._replace(a=runs.label(a), b=runs.label(b), verdicts=verdicts, warnings=warnings)
    if measured is None and not same(review):
        verdicts = ["The metrics of all users are the same."]
    elif len(a) + len(b) > 2:
        first = f"{a[0].name} and {b[0].name}"
        verdicts = [
            *verdicts,
            f"Headline metrics and slices are those of all runs, everything else is that of {first}.",
        ]
    return review._replace(verdicts=verdicts)


def _of_first_runs(a: Side, b: Side, headline_metrics: list[str], tested: list[Section]) -> Review:
    """What is shown of the first run of each side, with the tested tables in their place."""
    shelves, users = _users(a, b, evidence.tables([a], [b], evidence.LISTS))
    parameters = section("Parameters", ["parameter", a.name, b.name], 3, _parameters(a, b))
    details = [
        _further(a, b, headline_metrics), _others(a, b, headline_metrics), _figures(a, b), _sources(a, b),
    ]  # fmt: skip
    kept, kept_details = (
        [part for part in parts if part.rows or part.folded] for parts in ([parameters, *tested], details)
    )
    return Review(a.name, b.name, [], [], kept, kept_details, evidence.plots(a, b), shelves, users)


def _parameters(a: Side, b: Side) -> Iterable[list[str]]:
    for change in changes.between(flat(a.params), flat(b.params)):
        yield [change.name, changes.shown(change.a), changes.shown(change.b)]


def _sources(a: Side, b: Side) -> Section:
    rows = (
        [change.name, "added" if change.a is None else "removed" if change.b is None else "changed"]
        for change in [*changes.between(a.sources, b.sources), *evidence.code(a, b)]
    )
    return section("Code and input", ["file", "what happened"], 2, rows)


def _further(a: Side, b: Side, metrics: list[str]) -> Section:
    """The model's other metrics."""
    first, second = (side.evaluation.get(headline.MODEL, {}) for side in (a, b))
    rows = [_figure(change) for change in changes.between(first, second) if change.name not in metrics]
    return section("Other metrics of the model", ["metric", a.name, b.name, "difference"], 1, rows,
                    ["Not tested."])  # fmt: skip


def _others(a: Side, b: Side, metrics: list[str]) -> Section:
    """Headline metrics of the other recommenders; they differ if more than the model changed."""
    first, second = (
        {
            f"{name} {metric}": values[metric]
            for name, values in side.evaluation.items()
            for metric in metrics
            if name not in (headline.MODEL, "users") and metric in values
        }
        for side in (a, b)
    )
    rows = [_figure(change) for change in changes.between(first, second)]
    return section("Other recommenders", ["metric", a.name, b.name, "difference"], 1, rows, ["Not tested."])


def _figures(a: Side, b: Side) -> Section:
    """Metrics of other stages."""
    first, second = (
        {
            f"{path.removeprefix('metrics/').removesuffix('.json')}: {name}": value
            for path, tree in side.figures.items()
            for name, value in flat(tree).items()
        }
        for side in (a, b)
    )
    rows = [_figure(change) for change in changes.between(first, second)]
    return section("Other figures", ["figure", a.name, b.name, "difference"], 1, rows)


def _figure(change: changes.Change) -> list[str]:
    return [change.name, changes.shown(change.a), changes.shown(change.b), changes.difference(change)]


def _users(a: Side, b: Side, listed: Tables | None) -> tuple[list[Shelf], str]:
    if listed is None:
        return [], ""
    if listed.missing:
        missing = " and ".join(listed.missing)
        return [], f"Not shown: {evidence.LISTS} of {missing} is neither in DVC's cache nor in a remote."
    in_both = list_changes.compare(listed.a[0], listed.b[0])
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
