"""Searches for better parameters, on validation alone, and makes an experiment of the best.

Reads: `search` and all else in params.yaml, as committed.
Writes: logs/search/<key>/study.sqlite3, an Optuna study, and a log of each trial beside it; the experiment
search-<key>-<trial>, the only one for which the test set is looked at.
Works in clones under .dvc/tmp/experiments, so that the workspace is free meanwhile. It may be killed at any
moment: the same command goes on until there are as many trials. The key stands for code, parameters and data;
change one, and another search begins.
"""

import _start  # noqa: F401  (src on the path)

import shutil
import time
from pathlib import Path
from tqdm import tqdm
from typing import NamedTuple

from fusionrec import params, runtime
from fusionrec.errors import UserError
from fusionrec.experiments import clones, curves, keeper, space, study

POLL = 0.5  # seconds between two looks at a trial's epochs
GIVE_UP = 3  # trials that fail one after the other


class Trial(NamedTuple):
    """What became of one: `value` is None unless it came to its end."""

    number: int
    settings: list[str]
    outcome: str
    value: float | None


def train(clone: clones.Clone, search: "study.Study", p: params.Params, logs: Path) -> Trial:
    """One trial: train with parameters that the study proposes, or stop it when it is hopeless."""
    trial, settings = study.ask(search, p.search)
    clones.begin(clone, settings)
    curve = clone.folder / "metrics/train"
    shutil.rmtree(curve)  # of the trial before
    log = logs / f"{trial.number}.log"
    process = keeper.start([*clones.DVC, "repro", "model"], clone.folder, log)
    values: list[float] = []
    while process.poll() is None:
        time.sleep(POLL)
        known, values = len(values), curves.curve(curve, p.train.monitor)
        if study.hopeless(trial, values, known):
            keeper.stop(process)
            study.stopped(search, trial)
            return Trial(trial.number, settings, f"stopped after epoch {len(values)}", None)
    if process.returncode:
        why = f"failed: {clones.last_words(log)}"
        study.failed(search, trial, why)
        return Trial(trial.number, settings, why, None)
    value = curves.best(curve, p.train.monitor)
    search.tell(trial, value)
    return Trial(trial.number, settings, f"{p.train.monitor} {value:.4f}", value)


def explore(
    search: "study.Study", workers: list[clones.Clone], trials: int, p: params.Params, logs: Path
) -> None:
    """Run `trials` more."""
    failures = 0
    with tqdm(total=trials, unit="trial", disable=None) as bar:
        jobs = range(trials)
        for _, done in clones.spread(jobs, workers, lambda clone, _: train(clone, search, p, logs)):
            bar.write(f"trial {done.number}: {done.outcome}; {' '.join(done.settings)}")
            bar.update()
            leader = study.best(search)
            if leader:
                bar.set_postfix({"best": f"{leader.value:.4f}", "trial": leader.number})
            failures = failures + 1 if done.outcome.startswith("failed") else 0
            if failures == GIVE_UP:
                raise UserError(f"{GIVE_UP} trials failed one after the other; the last: {done.outcome}")


def main() -> None:
    parser = runtime.parser(__doc__)
    parser.add_argument("--trials", type=int, default=20, help="in all, with those of earlier runs")
    parser.add_argument("--workers", type=int, default=1, help="trials at a time")
    args = parser.parse_args()
    p, root = params.load(), Path.cwd()
    space.check(p.search.space, p.model_dump())
    revision = clones.committed(root)
    key = clones.key(root, revision)
    with clones.alone(clones.HOME):
        logs = Path("logs/search") / key
        search = study.resume(logs / "study.sqlite3", p.search, p.train)
        done = study.ended(search)
        print(f"search {key}: {done} of {args.trials} trials are done")
        left = max(0, args.trials - done)
        workers = clones.make_all(root, clones.HOME, revision, min(args.workers, max(left, 1)), p)
        explore(search, workers, left, p, logs)
        best = study.best(search)
        if best is None:
            raise UserError("no trial came to its end: raise --trials, or lower search.startup")
        name = f"search-{key}-{best.number}"
        if name not in clones.existing(root, revision):
            print(f"trial {best.number} is the best: running what follows its training")
            clones.experiment(workers[0], name, best.settings, logs / f"{name}.log")
    print(f"best: {p.train.monitor} {best.value:.4f} in trial {best.number}; {' '.join(best.settings)}")
    print(f"`dvc exp apply {name}` takes it over")


if __name__ == "__main__":
    runtime.command(main)
