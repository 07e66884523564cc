"""Experiments side by side: the columns of `dvc exp show` that matter, narrow enough for a screen."""

import re
from collections.abc import Iterable
from statistics import mean, stdev
from typing import Any

import numpy as np
import pandas as pd

from fusionrec import recipes, trees
from fusionrec.data.modalities import ENCODED, MODALITIES

HASHES = ("data/splits", "data/images")
MODEL, SPLIT = "model.name", "splits.seed"
Run = dict[str, Any]  # of the output of `dvc exp show --json`


def by_run(shown: list[dict[str, Any]], monitor: str, headline: str) -> pd.DataFrame:
    """One row per run: the commit first, then its experiments by name.

    Args:
        shown: the output of `dvc exp show --json`.
        monitor: the validation metric by which training selects its epoch.
        headline: the test metric, one of metrics/eval.json.

    Returns:
        A table of strings: the name of the model and every parameter that differs between rows of one
        model, the validation and the test metric, the weights
        of both encoders, and hashes of the splits and pictures. "-" means unknown.
    """
    return _table([[run] for run in _runs(shown)], monitor, headline, several=False)


def by_recipe(shown: list[dict[str, Any]], monitor: str, headline: str) -> pd.DataFrame:
    """One row per recipe, in the order of their first runs; runs of a recipe differ in train.seed only.

    Args:
        shown: see `by_run`.
        monitor: likewise.
        headline: likewise.

    Returns:
        As `by_run`, with the number of seeds, and means over these ± their standard deviation. Two runs with the same
        seed count once.
    """
    return _table([list(group.values()) for group in _recipes(_runs(shown))], monitor, headline, several=True)


def recipes_of(shown: list[dict[str, Any]], names: Iterable[str]) -> dict[str, list[Run]]:
    """The runs of the experiments `names`, by recipe; see `by_recipe`. The split is no part of it here."""
    wanted = set(names)
    groups = _recipes([run for run in _runs(shown) if run.get("name") in wanted], of_any_split=True)
    named = [list(group.values()) for group in groups]
    return {re.sub(r"-split-\d+$", "", _name(runs[0], several=True)): runs for runs in named}


def metric(run: Run, file: str, *path: str) -> Any:
    """A value of metrics/<file>.json; None if there is none."""
    tree = run["data"]["metrics"].get(f"metrics/{file}.json", {}).get("data")
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def dependency(run: Run, path: str) -> str:
    """The hash of what a stage reads, as dvc.lock has it; empty if it is not known."""
    return str((run["data"]["deps"].get(path) or {}).get("hash") or "")


def parameters(run: Run) -> dict[str, Any]:
    """All parameters of a run, in nested mappings."""
    tree: dict[str, Any] = run["data"]["params"]["params.yaml"]["data"]
    return tree


def _recipes(runs: list[Run], of_any_split: bool = False) -> list[dict[Any, Run]]:
    """For each recipe its runs by their seeds, in the order of their first runs."""
    groups: dict[tuple[str, ...], dict[Any, Run]] = {}
    for run in runs:
        used = recipes.parameters(parameters(run))
        hashes = {path: _hash(run, path) for path in HASHES}
        seeds = [trees.value(parameters(run), recipes.SEED)]
        if of_any_split:  # then the split belongs to the run, not to its recipe
            seeds += [used.pop(SPLIT, None), hashes.pop("data/splits")]
        known = [str(used), *_weights(run).values(), *hashes.values()]
        groups.setdefault(tuple(known), {}).setdefault(tuple(seeds), run)
    return list(groups.values())


def _table(groups: list[list[Run]], monitor: str, headline: str, several: bool) -> pd.DataFrame:
    firsts = [group[0] for group in groups]
    used = pd.DataFrame([recipes.parameters(parameters(run)) for run in firsts], dtype=object)
    if not several:
        used[recipes.SEED] = [trees.value(parameters(run), recipes.SEED) for run in firsts]
    differ = [str(name) for name in used if _differs(used.astype(str), str(name))]
    return pd.DataFrame(
        {
            "experiment": [_name(run, several) for run in firsts],
            **{_short(name, differ): used[name].map(_text) for name in differ},
            **({"seeds": [str(len(group)) for group in groups]} if several else {}),
            f"val {monitor}": [_spread(group, "train/metrics", "best", "val", monitor) for group in groups],
            f"test {headline}": [_spread(group, "eval", headline) for group in groups],
            **pd.DataFrame([_weights(run) for run in firsts]),
            **{path.removeprefix("data/"): [_hash(run, path) for run in firsts] for path in HASHES},
        }
    )


def _differs(used: pd.DataFrame, name: str) -> bool:
    """Whether a parameter differs between rows of the same model, or is the name of the model and differs at all.

    Models have training parameters of their own; their names are enough to tell them apart.
    """
    groups = used.groupby(MODEL) if MODEL in used and name != MODEL else used
    return bool(np.max(groups[name].nunique()) > 1)


def _runs(shown: list[dict[str, Any]]) -> list[Run]:
    """The commits with their experiments, sorted by name; what is only queued is left out."""
    rows: list[Run] = []
    for commit in shown:
        if commit["rev"] != "workspace":
            experiments = map(_last, commit.get("experiments") or [])
            rows += [commit, *sorted(experiments, key=lambda row: str(row.get("name")))]
    return [row for row in rows if row.get("data")]


def _last(experiment: dict[str, Any]) -> Run:
    """The last state of an experiment; empty if it is only queued."""
    return experiment["revs"][0] | {"name": experiment["name"]} if experiment.get("revs") else {}


def _name(run: Run, several: bool) -> str:
    """The name of a run, or without its seed, as `fusionrec variants` names it, that of its recipe."""
    name = str(run.get("name") or run["rev"][:7])
    return re.sub(r"-seed-\d+$", "", name) if several else name


def _short(name: str, names: list[str]) -> str:
    """The last part of a parameter's name, or its full name if several end in the same way."""
    leaf = name.split(".")[-1]
    return name if leaf in MODALITIES or sum(n.split(".")[-1] == leaf for n in names) > 1 else leaf


def _spread(group: list[Run], file: str, *path: str) -> str:
    """The metric of a run, or the mean over several ± their standard deviation."""
    values = [value for run in group if isinstance(value := metric(run, file, *path), int | float)]
    return f"{mean(values):.4f} ± {stdev(values):.4f}" if len(values) > 1 else _text(next(iter(values), None))


def _weights(run: Run) -> dict[str, str]:
    return {modality: _text(metric(run, f"cache_{modality}", modality, "weights")) for modality in ENCODED}


def _hash(run: Run, path: str) -> str:
    return dependency(run, path)[:7] or "-"


def _text(value: Any) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) and len(repr(value)) > 7 else str(value)
