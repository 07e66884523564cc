"""Runs a named set of variants as experiments, and shows all experiments of HEAD in one table.

    fusionrec variants [NAME] [--seeds N] [--splits N] [--slice GROUP=NAME] [--workers N] [--runs]

Reads: all of params.yaml as committed; `variants` is for this command.
Writes: an experiment for each combination of values and seed, named after them; logs/experiments/<name>.log.
The experiments run in clones under .dvc/tmp/experiments, so you can keep working in the workspace. Existing
experiments are not run again: the same command continues an interrupted run. The table has a row for each recipe and
split, with mean and standard deviation over its seeds; --runs shows a row for each run. With a name, a second table
tests the variants against the best of them, paired by user, and shows what they cost; --slice does so on some of the
users or items only, such as time=untied: users whose held-out items have times of their own.
"""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fusionrec import costs, params, progress, recipes, sections, trees
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.evaluation import slices
from fusionrec.experiments import clones, overrides, paired, table
from fusionrec.models import zoo
from fusionrec.models.closed_form import ClosedForm
from fusionrec.review import revision_files
from fusionrec.sections import Params

LOGS = Path("logs/experiments")
MEASURED_BY = ("metrics.protocol", "metrics.candidates", "train.monitor")


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = _arguments.parser("variants", __doc__)
    parser.add_argument(
        "name", nargs="?", help="a key of variants in params.yaml; without it, only the table is shown"
    )
    parser.add_argument(
        "--seeds",
        type=_arguments.positive,
        default=1,
        help="run each variant with this many values of train.seed",
    )
    parser.add_argument(
        "--splits",
        type=_arguments.positive,
        default=1,
        help="run each variant with this many values of splits.seed",
    )
    parser.add_argument(
        "--workers",
        type=_arguments.positive,
        default=1,
        help="number of experiments that run at the same time",
    )
    parser.add_argument(
        "--slice", metavar="GROUP=NAME", help="compare on a slice, such as time=untied or popularity=tail"
    )
    parser.add_argument("--runs", action="store_true", help="show a row for each run, not for each recipe")
    args = parser.parse_args(arguments)
    p, root = sections.load(), Path.cwd()
    wanted = _combinations(args.name, args.seeds, args.splits, p) if args.name else {}
    if wanted:
        _run_missing(wanted, root, args.workers, p)
    experiments = json.loads(clones.run([*clones.DVC, "exp", "show", "--json"], root))
    tabulate = table.by_run if args.runs else table.by_recipe
    print(tabulate(experiments, p.train.monitor, p.metrics.headline[0]).to_string(index=False))
    groups = table.recipes_of(experiments, wanted)
    if len(groups) > 1:
        print(f"\n{_compared(groups, p, args.slice)}")


def _compared(groups: dict[str, list[table.Run]], p: Params, part: str | None) -> str:
    """The paired table of recipes on `part`, a slice or None, or why there is none."""
    tasks = {
        name: {(table.dependency(run, "data/splits"), *_measured_by(run)) for run in group}
        for name, group in groups.items()
    }
    if len({frozenset(each) for each in tasks.values()}) > 1:
        return f"No paired table: the variants differ in data/splits or in {', '.join(MEASURED_BY)}."
    seeds, monitor = max(len(_by_seed(group)) for group in groups.values()), p.train.monitor
    compared = [_recipe(name, group, seeds, p, part) for name, group in groups.items()]
    shown = paired.table(compared, p.metrics.headline[0], monitor, p.train.direction)
    title = f"Slice {part}:\n" if part else ""
    return f"{title}{shown.to_string(index=False)}\n{paired.notes(compared, monitor, p.train.direction)}"


def _measured_by(run: table.Run) -> list[str]:
    return [str(trees.value(table.parameters(run), name)) for name in MEASURED_BY]


def _by_seed(runs: list[table.Run]) -> list[list[table.Run]]:
    """The runs of each seed of the training; those of one seed differ in the split only."""
    groups: dict[Any, list[table.Run]] = {}
    for run in runs:
        groups.setdefault(trees.value(table.parameters(run), recipes.SEED), []).append(run)
    return list(groups.values())


def _recipe(name: str, runs: list[table.Run], seeds: int, p: Params, part: str | None) -> paired.Recipe:
    """A recipe for the paired table; a model that draws nothing has one seed, and is the same with any other."""
    headline = p.metrics.headline[0]

    def read(path: str, run: table.Run, **values: str) -> pd.DataFrame:
        content = io.BytesIO(revision_files.read_bytes(path, run["name"]))
        return pd.read_parquet(content, filters=[(column, "==", value) for column, value in values.items()])

    def of_slice(run: table.Run, group: str, name: str) -> pd.DataFrame:
        return read(revision_files.PER_SLICE, run, group=group, slice=name)

    def of_new_items(run: table.Run) -> float:
        return float(of_slice(run, *slices.COLD)[headline].mean())

    def of_users(run: table.Run) -> pd.DataFrame:
        if part is None:
            return read(revision_files.PER_USER, run, recommender="model")[["user_id", headline]]
        rows = of_slice(run, *part.split("=", 1)) if "=" in part else pd.DataFrame()
        if rows.empty:
            found = read(revision_files.PER_SLICE, run)[["group", "slice"]].drop_duplicates()
            known = ", ".join(f"{group}={name}" for group, name in found.itertuples(index=False))
            raise UserError(f"--slice: no user is in {part}; known: {known}")
        return rows[["user_id", headline]]

    def validated(run: table.Run) -> Any:
        return table.metric(run, "train/metrics", "best", "val", p.train.monitor)

    by_seed = _by_seed(runs)
    by_seed = by_seed if len(by_seed) > 1 else by_seed * seeds
    return paired.Recipe(
        name,
        [float(np.mean([validated(run) for run in group])) for group in by_seed],
        [paired.over_splits([of_users(run) for run in group]) for group in by_seed],
        [float(np.mean([of_new_items(run) for run in group])) for group in by_seed],
        [costs.of_model(table.dependency(run, "data/model")) for run in runs],
        len(by_seed[0]),
    )


def _combinations(name: str, seeds: int, splits: int, p: Params) -> dict[str, list[str]]:
    """The experiments of the variant `name`: overrides by experiment name. The seeds vary slowest.

    A model that draws nothing has one experiment only.

    Raises:
        UserError: if params.yaml has no such variant.
    """
    variants = p.variants.root
    if name not in variants:
        raise UserError(f"`{name}` is not in variants of params.yaml; known: {', '.join(variants)}")
    first = f"{recipes.SEED}={p.train.seed}"
    seed = _axis(recipes.SEED, p.train.seed, seeds)
    split = _axis(table.SPLIT, p.splits.seed, splits)
    return {
        "-".join(filter(None, [name, suffix])): settings
        for suffix, settings in overrides.grid([*variants[name], *split, *seed])
        if not seed or settings[-1] == first or _draws(settings)
    }


def _axis(name: str, first: int, count: int) -> list[str]:
    """So many values of a seed, as an override; nothing for a single one."""
    return [f"{name}={','.join(str(first + n) for n in range(count))}"] if count > 1 else []


def _draws(settings: list[str]) -> bool:
    """Whether the model that `settings` select depends on the seed."""
    path = Path(params.PATH)
    model = sections.parse(overrides.applied(params.read(path), settings, path)).model
    kind = zoo.load(model.name)
    return not issubclass(kind, ClosedForm) or kind.draws(model.own(model.name))


def _run_missing(wanted: dict[str, list[str]], root: Path, workers: int, p: Params) -> None:
    """Run the experiments that do not exist yet.

    Raises:
        UserError: if experiments fail; the others still run.
    """
    revision = clones.committed(root)
    known = clones.existing(root, revision)
    left = [name for name in wanted if name not in known]
    print(f"{len(wanted)} experiments, {len(left)} to run")
    if not left:
        return

    def run(clone: clones.Clone, name: str) -> str | None:
        try:
            clones.experiment(clone, name, wanted[name], LOGS / f"{name}.log")
        except UserError as error:
            return str(error)
        return None

    failed: list[str] = []
    with clones.alone(clones.HOME):
        workplaces = clones.make_all(root, clones.HOME, revision, min(workers, len(left)), p)
        with progress.bar("variants", "experiment", len(left)) as bar:
            for name, problem in clones.spread(left, workplaces, run):
                bar.write(problem or f"{name}: done")
                bar.update()
                failed += [name] if problem else []
    if failed:
        raise UserError(f"{len(failed)} of {len(left)} failed: {', '.join(failed)}")
