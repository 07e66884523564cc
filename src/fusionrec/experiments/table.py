"""Experiments side by side: the columns of `dvc exp show` that matter, narrow enough for a screen."""

import re
from statistics import mean, stdev
from typing import Any

import pandas as pd

from fusionrec import recipes, trees
from fusionrec.data.modalities import ENCODED, MODALITIES

HASHES = ("data/splits", "data/images")
Run = dict[str, Any]  # of the output of `dvc exp show --json`


def by_run(shown: list[dict[str, Any]], monitor: str, headline: str) -> pd.DataFrame:
    """One row per run: the commit first, then its experiments by name.

    Args:
        shown: the output of `dvc exp show --json`.
        monitor: the validation metric by which training selects its epoch.
        headline: the test metric, one of metrics/eval.json.

    Returns:
        A table of strings: every parameter that differs between rows, the validation and the test metric, the weights
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
    groups: dict[tuple[str, ...], dict[Any, Run]] = {}
    for run in _runs(shown):
        known = [
            str(recipes.parameters(_tree(run))),
            *_weights(run).values(),
            *(_hash(run, path) for path in HASHES),
        ]
        groups.setdefault(tuple(known), {}).setdefault(trees.value(_tree(run), recipes.SEED), run)
    return _table([list(group.values()) for group in groups.values()], monitor, headline, several=True)


def _table(groups: list[list[Run]], monitor: str, headline: str, several: bool) -> pd.DataFrame:
    firsts = [group[0] for group in groups]
    parameters = pd.DataFrame([recipes.parameters(_tree(run)) for run in firsts], dtype=object)
    if not several:
        parameters[recipes.SEED] = [trees.value(_tree(run), recipes.SEED) for run in firsts]
    differ = [str(name) for name in parameters if len(set(map(str, parameters[name]))) > 1]
    return pd.DataFrame(
        {
            "experiment": [_name(run, several) for run in firsts],
            **{_short(name, differ): parameters[name].map(_text) for name in differ},
            **({"seeds": [str(len(group)) for group in groups]} if several else {}),
            f"val {monitor}": [_spread(group, "train/metrics", "best", "val", monitor) for group in groups],
            f"test {headline}": [_spread(group, "eval", headline) for group in groups],
            **pd.DataFrame([_weights(run) for run in firsts]),
            **{path.removeprefix("data/"): [_hash(run, path) for run in firsts] for path in HASHES},
        }
    )


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


def _tree(run: Run) -> dict[str, Any]:
    tree: dict[str, Any] = run["data"]["params"]["params.yaml"]["data"]
    return tree


def _name(run: Run, several: bool) -> str:
    """The name of a run, or without its seed, as `fusionrec variants` names it, that of its recipe."""
    name = str(run.get("name") or run["rev"][:7])
    return re.sub(r"-seed-\d+$", "", name) if several else name


def _short(name: str, names: list[str]) -> str:
    """The last part of a parameter's name, or its full name if several end in the same way."""
    leaf = name.split(".")[-1]
    return name if leaf in MODALITIES or sum(n.split(".")[-1] == leaf for n in names) > 1 else leaf


def _metric(run: Run, file: str, *path: str) -> Any:
    tree = run["data"]["metrics"].get(f"metrics/{file}.json", {}).get("data")
    for name in path:
        tree = tree.get(name) if isinstance(tree, dict) else None
    return tree


def _spread(group: list[Run], file: str, *path: str) -> str:
    """The metric of a run, or the mean over several ± their standard deviation."""
    values = [value for run in group if isinstance(value := _metric(run, file, *path), int | float)]
    return f"{mean(values):.4f} ± {stdev(values):.4f}" if len(values) > 1 else _text(next(iter(values), None))


def _weights(run: Run) -> dict[str, str]:
    return {modality: _text(_metric(run, f"cache_{modality}", modality, "weights")) for modality in ENCODED}


def _hash(run: Run, path: str) -> str:
    return _text((run["data"]["deps"].get(path) or {}).get("hash"))[:7]


def _text(value: Any) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) and len(repr(value)) > 7 else str(value)
