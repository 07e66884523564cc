"""The record of a search, in one SQLite file that is whole at every moment: Optuna's study."""

import threading
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from fusionrec import params
from fusionrec.experiments import space

if TYPE_CHECKING:
    from optuna import Study, Trial

SETTINGS, ERROR = "settings", "error"
ASKING = threading.Lock()  # SQLite locks no row: two workers could be given one waiting trial


class Best(NamedTuple):
    """A trial: its validation, and the overrides that it ran with."""

    number: int
    value: float
    settings: list[str]


def resume(path: Path, options: params.Search, train: params.Train) -> "Study":
    """The study in `path`, begun if there is none; trials that were interrupted will be asked for again.

    The tree-structured Parzen estimator (Bergstra et al., "Algorithms for Hyper-Parameter Optimization",
    2011) proposes; a trial is stopped whose best epoch is worse than the median of those before it.
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
    for trial in study.get_trials(states=(optuna.trial.TrialState.RUNNING,)):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        study.sampler = optuna.samplers.TPESampler(
            n_startup_trials=options.startup,
            multivariate=True,
            group=True,  # dimensions under a condition are modelled apart
            constant_liar=True,  # trials that run beside this one are taken for bad
            seed=options.seed + len(study.trials),  # goes on, instead of drawing the first points again
        )
    return study


def ended(study: "Study") -> int:
    """How many trials came to an end, were stopped as hopeless or failed, but for those interrupted."""
    from optuna.trial import TrialState

    trials = study.get_trials(deepcopy=False)
    return sum(
        trial.state in (TrialState.COMPLETE, TrialState.PRUNED) or ERROR in trial.user_attrs
        for trial in trials
    )


def ask(study: "Study", options: params.Search) -> tuple["Trial", list[str]]:
    """A new trial and its overrides."""
    with ASKING:
        trial = study.ask()
    settings = space.suggest(trial, options.space)
    trial.set_user_attr(SETTINGS, settings)
    return trial, settings


def hopeless(trial: "Trial", values: list[float], reported: int) -> bool:
    """Whether to stop a trial whose epochs gave `values`, of which `reported` were known before."""
    for epoch, value in enumerate(values[reported:], reported):
        trial.report(value, epoch)
    return len(values) > reported and trial.should_prune()


def stopped(study: "Study", trial: "Trial") -> None:
    """Record that it was hopeless."""
    from optuna.trial import TrialState

    study.tell(trial, state=TrialState.PRUNED)


def failed(study: "Study", trial: "Trial", why: str) -> None:
    """Record that it did not come to its end, by itself."""
    from optuna.trial import TrialState

    trial.set_user_attr(ERROR, why)
    study.tell(trial, state=TrialState.FAIL)


def best(study: "Study") -> Best | None:
    """The best trial; None if none came to its end."""
    from optuna.trial import TrialState

    if not study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,)):
        return None
    trial = study.best_trial
    assert trial.value is not None
    return Best(trial.number, trial.value, trial.user_attrs[SETTINGS])
