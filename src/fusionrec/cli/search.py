"""Searches for better parameters by validation metrics, and makes an experiment of the best trial.

    fusionrec search [--model NAME] [--trials N] [--workers N]

Reads: all of params.yaml as committed; `search` is for this command.
Writes: logs/search/<key>/study.sqlite3, an Optuna study, with a log of each trial; the experiment
search-<key>-<trial>, the only one that is evaluated on the test set.
Trials run in clones under .dvc/tmp/experiments, so you can keep working in the workspace. The search can be
interrupted at any time: the same command continues until the study has N trials. The key identifies the code,
parameters and data that trials depend on; if one of them changes, a new search starts. --model searches another model
than model.name, with its preset if there is one; of search.space only what matters to the model varies. The first
trial has the parameters from which the search begins.
"""

import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fusionrec import costs, params, progress, sections
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.experiments import (
    child_process,
    clones,
    overrides,
    presets,
    search_key,
    space,
    study,
    training_progress,
)
from fusionrec.experiments.options import Search

if TYPE_CHECKING:
    from optuna import Study

POLL = 0.5  # seconds between two checks of a trial's epochs
GIVE_UP = 3  # stop after so many failed trials in a row


class Trial(NamedTuple):
    """The result of one trial.

    Attributes:
        number: of the trial in the study.
        settings: overrides of parameters, as name=value.
        outcome: the result in words.
        value: the validation metric; None if the trial was stopped or failed.
    """

    number: int
    settings: list[str]
    outcome: str
    value: float | None


class Plan(NamedTuple):
    """What all trials of a search share.

    Attributes:
        study: records the trials.
        options: what is searched.
        fixed: overrides of all trials.
        monitor: the validation metric.
        logs: folder of the trials' logs.
    """

    study: "Study"
    options: Search
    fixed: list[str]
    monitor: str
    logs: Path


def main(arguments: list[str]) -> None:
    """Run the command; `arguments` are those after its name."""
    parser = _arguments.parser("search", __doc__)
    parser.add_argument("--model", help="the model that is tuned; default: model.name")
    parser.add_argument(
        "--trials",
        type=_arguments.positive,
        default=20,
        help="total number of trials, including earlier runs",
    )
    parser.add_argument(
        "--workers", type=_arguments.positive, default=1, help="number of trials that run at the same time"
    )
    args = parser.parse_args(arguments)
    p, tree, root = sections.load(), params.read(), Path.cwd()
    fixed = _selected(args.model) if args.model else []
    options = p.search.model_copy(
        update={"space": space.of_model(p.search.space, args.model or p.model.name)}
    )
    revision = clones.committed(root)
    key = search_key.key(root, options.space, fixed)
    with clones.alone(clones.HOME):
        logs = Path("logs/search") / key
        first = space.start(options.space, overrides.applied(tree, fixed, Path(params.PATH)))
        search = study.resume(logs / "study.sqlite3", options, p.train, first)
        done = study.ended(search)
        print(f"search {key}: {done} of {args.trials} trials are done")
        left = max(0, args.trials - done)
        workers = clones.make_all(root, clones.HOME, revision, min(args.workers, max(left, 1)), p)
        plan = Plan(search, options, fixed, p.train.monitor, logs)
        _explore(plan, workers, left)
        best = _best(search)
        name = f"search-{key}-{best.number}"
        if name not in clones.existing(root, revision):
            print(f"trial {best.number} is the best: running the stages after training")
            clones.experiment(workers[0], name, best.settings, logs / f"{name}.log")
    print(f"best: {p.train.monitor} {best.value:.4f} in trial {best.number}; {' '.join(best.settings)}")
    print(f"`dvc exp apply {name}` applies it to the workspace")


def _selected(model: str) -> list[str]:
    """The overrides that select a model: its preset, or its name if it has none."""
    preset = f"models/{model}"
    return [f"{overrides.PRESET}{preset}" if preset in presets.available() else f"model.name={model}"]


def _best(search: "Study") -> study.Best:
    best = study.best(search)
    if best is None:
        raise UserError("no trial was completed: raise --trials, or lower search.startup")
    return best


def _explore(plan: Plan, workers: list[clones.Clone], trials: int) -> None:
    """Run a number of new trials.

    Raises:
        UserError: if `GIVE_UP` trials in a row fail.
    """
    failures = 0
    with progress.bar("search", "trial", trials) as bar:
        jobs = range(trials)
        for _, done in clones.spread(jobs, workers, lambda clone, _: _train(clone, plan)):
            bar.write(f"trial {done.number}: {done.outcome}; {' '.join(done.settings)}")
            leader = study.best(plan.study)
            if leader:
                bar.set_postfix({"best": f"{leader.value:.4f}", "trial": leader.number})
            bar.update()
            failures = failures + 1 if done.outcome.startswith("failed") else 0
            if failures == GIVE_UP:
                raise UserError(f"{GIVE_UP} trials in a row failed; the last one: {done.outcome}")


def _train(clone: clones.Clone, plan: Plan) -> Trial:
    """Run one trial: train with parameters that the study proposes, and stop early if it is not promising."""
    search, monitor = plan.study, plan.monitor
    trial, settings = study.ask(search, plan.options, plan.fixed)
    clones.begin(clone, settings)
    curve = clone.folder / "metrics/train"
    shutil.rmtree(curve)  # of the previous trial
    log = plan.logs / f"{trial.number}.log"
    process = child_process.start([*clones.DVC, "repro", "model"], clone.folder, log)
    values: list[float] = []
    while process.poll() is None:
        time.sleep(POLL)
        previous, values = len(values), training_progress.curve(curve, monitor)
        if study.hopeless(trial, values, previous):
            child_process.stop(process)
            study.stopped(search, trial)
            return Trial(trial.number, settings, f"stopped after epoch {len(values)}", None)
    if process.returncode:
        reason = f"failed: {clones.last_words(log)}"
        study.failed(search, trial, reason)
        return Trial(trial.number, settings, reason, None)
    costs.keep(clone.folder)
    value = training_progress.best(curve, monitor)
    search.tell(trial, value)
    return Trial(trial.number, settings, f"{monitor} {value:.4f}", value)
