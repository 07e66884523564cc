"""The forecast as text, and the refusal of what cannot work."""

from typing import Any

from fusionrec import trees
from fusionrec.errors import UserError
from fusionrec.models import size_limits
from fusionrec.preflight import forecast, work
from fusionrec.preflight.forecast import REMEDIES, Forecast
from fusionrec.preflight.machine import Machine
from fusionrec.preflight.sizes import Sizes

MARGIN = 1.5  # forecasts are at most so far off: more than this times the memory is refused
LONG = 0.5  # hours on the clock from which a forecast is worth saying
GB = 1e9


def lines(found: list[Forecast], sizes: Sizes, machine: Machine, tree: dict[str, Any]) -> list[str]:
    """A table of all stages, and below it what to change for those that are too large for the machine or slow."""
    workers = min(work.number(tree, "runtime.workers"), machine.cpus)
    header = f"{'stage':<16}{'hours':>9}{'memory':>11}{'disk':>11}"
    rows = [
        f"{one.stage:<16}{_hours(one.hours(workers)):>9}{one.memory / GB:>8.1f} GB{one.disk / GB:>8.1f} GB"
        for one in found
    ]
    about = (
        f"{sizes.interactions:,} interactions, {sizes.users:,} users, {sizes.items:,} items; this machine has "
        f"{machine.memory / GB:.0f} GB of memory, {machine.disk / GB:.0f} GB of free disk, {machine.cpus} CPUs"
    )
    epochs = f"model: {work.epochs(tree)} epochs, if none stops it early; on a CPU"
    return [about, header, *rows, epochs, *_changes(found, sizes, machine, tree, workers)]


def _changes(
    found: list[Forecast], sizes: Sizes, machine: Machine, tree: dict[str, Any], workers: int
) -> list[str]:
    changes = []
    for one in found:
        if one.memory > machine.memory:
            changes.append(f"{one.stage} needs more memory than there is: {REMEDIES[one.stage]}")
        elif (one.hours(workers) or 0) > 24:
            changes.append(f"{one.stage} takes days: {REMEDIES[one.stage]}")
    if sum(one.disk for one in found) > machine.disk:
        changes.append(
            "there is less free disk than the stages will write, twice if DVC's cache copies: see docs/scale.md"
        )
    own = {name: trees.value(tree, f"metrics.baselines.{name}") or {} for name in work.baselines(tree)}
    out = [name for name, options in own.items() if work.left_out(options, sizes)]
    if out:
        changes.append(f"metrics leaves out baselines that the data is too large for: {', '.join(out)}")
    return changes


def worth_saying(found: list[Forecast], machine: Machine, workers: int) -> bool:
    """Whether a run is so large that its user should know before it starts."""
    hours = sum(one.hours(workers) or 0 for one in found)
    return hours > LONG or max(one.memory for one in found) > machine.memory / 2


def check(found: list[Forecast], machine: Machine) -> None:
    """Refuse a run that will end for lack of memory.

    Raises:
        UserError: if a stage needs more than `MARGIN` times the memory of the machine.
    """
    for one in found:
        if one.memory > MARGIN * machine.memory:
            raise UserError(
                f"stage {one.stage}: would need about {one.memory / GB:.0f} GB of memory, and this machine has "
                f"{machine.memory / GB:.0f}; {REMEDIES[one.stage]}, or use another machine"
            )


def after(stage: str, tree: dict[str, Any], sizes: Sizes, machine: Machine) -> str:
    """What a stage says about those that follow, empty if they take little.

    Args:
        stage: that is about to write its results.
        tree: all of params.yaml.
        sizes: of the data.
        machine: where it runs.

    Raises:
        UserError: if a later one cannot work; see `check` and `size_limits`.
    """
    size_limits.check_selected(tree, sizes.items, sizes.users)
    found = forecast.stages(tree, sizes)
    found = found[[one.stage for one in found].index(stage) + 1 :]
    check(found, machine)
    workers = min(work.number(tree, "runtime.workers"), machine.cpus)
    return "\n".join(lines(found, sizes, machine, tree)) if worth_saying(found, machine, workers) else ""


def _hours(hours: float | None) -> str:
    return "?" if hours is None else f"{hours:.2f}" if hours < 10 else f"{hours:,.0f}"
