"""The record of a search: an Optuna study, in one SQLite file that is consistent at any time."""

import threading
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fusionrec.experiments import space
from fusionrec.experiments.options import Search
from fusionrec.training.options import Train

if TYPE_CHECKING:
    from optuna import Study, Trial

SETTINGS, ERROR = "settings", "error"
ASKING = threading.Lock()  # SQLite does not lock rows: two workers could get the same waiting trial


class Best(NamedTuple):
    """A trial: its number, validation metric and overrides."""

    number: int
    value: float
    settings: list[str]


def resume(path: Path, options: Search, train: Train, first: dict[str, Any] | None = None) -> "Study":
    """The study in `path`, created if there is none; interrupted trials are queued again.

    The tree-structured Parzen estimator (Bergstra et al., "Algorithms for Hyper-Parameter Optimization",
    2011) proposes trials. A trial is stopped when its best epoch is worse than the median of the earlier trials.

    Args:
        path: the study's file.
        options: what is searched.
        train: has the direction of the validation metric.
        first: values of dimensions that the first trial of a new study has, so that no search ends below them.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    path.parent.mkdir(parents=True, exist_ok=True)
    storage = optuna.storages.RDBStorage(f"sqlite:///{path}", engine_kwargs={"connect_args": {"timeout": 60}})
    directions = optuna.study.StudyDirection
    direction = directions.MAXIMIZE if train.direction == "max" else directions.MINIMIZE
    pruner = optuna.pruners.MedianPruner(options.startup, options.warmup)
    study = optuna.create_study(
        study_name="search", storage=storage, direction=direction, load_if_exists=True, pruner=pruner
    )
    if first and not study.trials:
        study.enqueue_trial(first)
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=options.startup,
            multivariate=True,
            group=True,  # dimensions with a condition are modelled separately
            constant_liar=True,  # trials that are still running count as bad
            seed=options.seed + len(study.trials),  # continues, instead of drawing the first points again
        )
    return study


def ended(study: "Study") -> int:
    """How many trials were completed, stopped as hopeless, or failed; interrupted ones do not count."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    return sum(
        trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or ERROR in trial.user_attrs
        for trial in trials
    )


def ask(study: "Study", options: Search, fixed: Sequence[str] = ()) -> tuple["Trial", list[str]]:
    """A new trial and its overrides, first `fixed`, those that all trials share."""
    with ASKING:
        trial = study.ask()
    settings = [*fixed, *space.suggest(trial, options.space)]
    trial.set_user_attr(SETTINGS, settings)
    return trial, settings


def hopeless(trial: "Trial", values: list[float], reported: int) -> bool:
    """Whether to stop a trial.

    Args:
        trial: the trial.
        values: validation metric of each epoch so far.
        reported: how many of them the study has already.
    """
    for epoch, value in enumerate(values[reported:], reported):
        trial.report(value, epoch)
    return len(values) > reported and trial.should_prune()


def stopped(study: "Study", trial: "Trial") -> None:
    """Record that a trial was stopped as hopeless."""
    from optuna.trial import TrialState

    study.tell(trial, state=TrialState.PRUNED)


def failed(study: "Study", trial: "Trial", why: str) -> None:
    """Record that a trial failed, and why."""
    from optuna.trial import TrialState

    trial.set_user_attr(ERROR, why)
    study.tell(trial, state=TrialState.FAIL)


def best(study: "Study") -> Best | None:
    """The best trial; None if none was completed."""
    from optuna.trial import TrialState

    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return None
    trial = study.best_trial
    assert trial.value is not None
    return Best(trial.number, trial.value, trial.user_attrs[SETTINGS])
