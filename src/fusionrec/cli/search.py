"""Searches for better parameters, by validation metrics alone, and makes an experiment of the best.

    fusionrec search [--trials N] [--workers N]

Reads: `search` and everything else in params.yaml, as committed.
Writes: logs/search/<key>/study.sqlite3, an Optuna study, with a log of each trial; the experiment
search-<key>-<trial>, the only one that is evaluated on the test set.
Trials run in clones under .dvc/tmp/experiments, so the workspace stays free. The search may be killed at any time:
the same command continues until the study has that many trials. The key stands for the code, parameters and data
that trials depend on; where one of them changes, a new search begins.
"""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from fusionrec import params, sections
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.experiments import child_process, clones, search_key, space, study, training_progress
from fusionrec.sections import Params

if TYPE_CHECKING:
    from optuna import Study

POLL = 0.5  # seconds between two looks at a trial's epochs
GIVE_UP = 3  # trials in a row that fail


class Trial(NamedTuple):
    """The result of one trial: `value` is None if it was stopped or failed."""

    number: int
    settings: list[str]
    outcome: str
    value: float | None


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = _arguments.parser("search", __doc__)
    parser.add_argument(
        "--trials", type=_arguments.positive, default=20, help="in total, with those of earlier runs"
    )
    parser.add_argument("--workers", type=_arguments.positive, default=1, help="trials at a time")
    args = parser.parse_args(arguments)
    p, tree, root = sections.load(), params.read(), Path.cwd()
    space.check(p.search.space, tree)
    revision = clones.committed(root)
    key = search_key.key(root, p.search.space)
    with clones.alone(clones.HOME):
        logs = Path("logs/search") / key
        search = study.resume(logs / "study.sqlite3", p.search, p.train)
        done = study.ended(search)
        print(f"search {key}: {done} of {args.trials} trials are done")
        left = max(0, args.trials - done)
        workers = clones.make_all(root, clones.HOME, revision, min(args.workers, max(left, 1)), p)
        _explore(search, workers, left, p, logs)
        best = _best(search)
        name = f"search-{key}-{best.number}"
        if name not in clones.existing(root, revision):
            print(f"trial {best.number} is the best: running the stages after its training")
            clones.experiment(workers[0], name, best.settings, logs / f"{name}.log")
    print(f"best: {p.train.monitor} {best.value:.4f} in trial {best.number}; {' '.join(best.settings)}")
    print(f"`dvc exp apply {name}` brings it into the workspace")


def _best(search: "Study") -> study.Best:
    best = study.best(search)
    if best is None:
        raise UserError("no trial was completed: raise --trials, or lower search.startup")
    return best


def _explore(search: "Study", workers: list[clones.Clone], trials: int, p: Params, logs: Path) -> None:
    """Run `trials` more.

    Raises:
        UserError: if several fail one after the other.
    """
    failures = 0
    with tqdm(total=trials, unit="trial", disable=None) as bar:
        jobs = range(trials)
        for _, done in clones.spread(jobs, workers, lambda clone, _: _train(clone, search, p, logs)):
            bar.write(f"trial {done.number}: {done.outcome}; {' '.join(done.settings)}")
            bar.update()
            leader = study.best(search)
            if leader:
                bar.set_postfix({"best": f"{leader.value:.4f}", "trial": leader.number})
            failures = failures + 1 if done.outcome.startswith("failed") else 0
            if failures == GIVE_UP:
                raise UserError(f"{GIVE_UP} trials in a row failed; the last one: {done.outcome}")


def _train(clone: clones.Clone, search: "Study", p: Params, logs: Path) -> Trial:
    """One trial: train with parameters that the study proposes, and stop early if it is hopeless."""
    trial, settings = study.ask(search, p.search)
    clones.begin(clone, settings)
    curve = clone.folder / "metrics/train"
    shutil.rmtree(curve)  # of the trial before
    log = logs / f"{trial.number}.log"
    process = child_process.start([*clones.DVC, "repro", "model"], clone.folder, log)
    values: list[float] = []
    while process.poll() is None:
        time.sleep(POLL)
        known, values = len(values), training_progress.curve(curve, p.train.monitor)
        if study.hopeless(trial, values, known):
            child_process.stop(process)
            study.stopped(search, trial)
            return Trial(trial.number, settings, f"stopped after epoch {len(values)}", None)
    if process.returncode:
        reason = f"failed: {clones.last_words(log)}"
        study.failed(search, trial, reason)
        return Trial(trial.number, settings, reason, None)
    value = training_progress.best(curve, p.train.monitor)
    search.tell(trial, value)
    return Trial(trial.number, settings, f"{p.train.monitor} {value:.4f}", value)
