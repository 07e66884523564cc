"""Runs a named list of variants, each as an experiment, and shows all experiments of HEAD side by side.

Reads: `variants` and all else in params.yaml, as committed.
Writes: an experiment for each combination of values and seed, named after them; logs/experiments/<name>.log.
Works in clones under .dvc/tmp/experiments, so that the workspace is free meanwhile. What exists is not run
again: an interrupted run goes on with the same command.
"""

import _start  # noqa: F401  (src on the path)

import json
from pathlib import Path
from tqdm import tqdm

from fusionrec import params, runtime
from fusionrec.errors import UserError
from fusionrec.experiments import clones, overrides, table

LOGS = Path("logs/experiments")


def points(name: str, seeds: int, p: params.Params) -> dict[str, list[str]]:
    """The experiments of variant `name`: their names and overrides; the seed varies slowest."""
    if name not in p.variants:
        raise UserError(f"`{name}` is not in variants of params.yaml; known: {', '.join(p.variants)}")
    first = p.train.seed
    choices = [f"train.seed={','.join(map(str, range(first, first + seeds)))}"] if seeds > 1 else []
    return {"-".join(filter(None, [name, end])): point for end, point in
            overrides.grid([*p.variants[name], *choices])}  # fmt: skip


def execute(wanted: dict[str, list[str]], root: Path, workers: int, p: params.Params) -> None:
    """Run those of the experiments that do not exist."""
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
        places = clones.make_all(root, clones.HOME, revision, min(workers, len(left)), p)
        with tqdm(total=len(left), unit="experiment", disable=None) as bar:
            for name, problem in clones.spread(left, places, run):
                bar.write(problem or f"{name}: done")
                bar.update()
                failed += [name] if problem else []
    if failed:
        raise UserError(f"{len(failed)} of {len(left)} failed: {', '.join(failed)}")


def main() -> None:
    parser = runtime.parser(__doc__)
    parser.add_argument("name", nargs="?", help="a key of variants in params.yaml; none: only show")
    parser.add_argument("--seeds", type=int, default=1, help="run each with so many values of train.seed")
    parser.add_argument("--workers", type=int, default=1, help="experiments at a time")
    args = parser.parse_args()
    p, root = params.load(), Path.cwd()
    if args.name:
        execute(points(args.name, args.seeds, p), root, args.workers, p)
    shown = json.loads(clones.run([*clones.DVC, "exp", "show", "--json"], root))
    print(table.compare(shown, p.train.monitor).to_string(index=False))


if __name__ == "__main__":
    runtime.command(main)
