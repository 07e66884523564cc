"""Experiments side by side: the columns of `dvc exp show` that matter, narrow enough for a screen."""

from typing import Any

import pandas as pd

from fusionrec.trees import flat

EVALUATED = "ndcg@10"
IGNORED = ("variants", "search")  # sections that no result depends on


def compare(shown: list[dict[str, Any]], monitor: str) -> pd.DataFrame:
    """One row per revision: the commit first, then its experiments by name.

    Args:
        shown: the output of `dvc exp show --json`.
        monitor: the validation metric by which training selects its epoch.

    Returns:
        A table of strings: every parameter that differs between rows, the validation and the test metric,
        the weights of both encoders, and hashes of the splits and pictures. "-" means unknown.
    """
    commits = [commit for commit in shown if commit["rev"] != "workspace"]
    rows = []
    for commit in commits:
        experiments = map(_last, commit.get("experiments") or [])
        rows += [commit, *sorted(experiments, key=lambda row: str(row.get("name")))]
    rows = [row for row in rows if row.get("data")]
    parameters = pd.DataFrame([_parameters(row) for row in rows], dtype=object)
    differ = [str(name) for name in parameters if len(set(map(str, parameters[name]))) > 1]
    return pd.DataFrame(
        {
            "experiment": [row.get("name") or row["rev"][:7] for row in rows],
            **{_short(name, differ): parameters[name].map(_text) for name in differ},
            f"val {monitor}": [_metric(row, "train/metrics", "best", "val", monitor) for row in rows],
            f"test {EVALUATED}": [_metric(row, "eval", "model", EVALUATED) for row in rows],
            "vision": [_metric(row, "cache_vision", "vision", "weights") for row in rows],
            "language": [_metric(row, "cache_language", "language", "weights") for row in rows],
            "splits": [_hash(row, "data/splits") for row in rows],
            "images": [_hash(row, "data/images") for row in rows],
        }
    )


def _last(experiment: dict[str, Any]) -> dict[str, Any]:
    """The last state of an experiment; empty if it is only queued."""
    return experiment["revs"][0] | {"name": experiment["name"]} if experiment.get("revs") else {}


def _parameters(row: dict[str, Any]) -> dict[str, Any]:
    tree = row["data"]["params"]["params.yaml"]["data"]
    return flat({name: section for name, section in tree.items() if name not in IGNORED})


def _short(name: str, names: list[str]) -> str:
    """The last part of a parameter's name, or its full name if several end in the same way."""
    leaf = name.split(".")[-1]
    return (
        name if leaf in ("vision", "language") or sum(n.split(".")[-1] == leaf for n in names) > 1 else leaf
    )


def _metric(row: dict[str, Any], file: str, *path: str) -> str:
    value: Any = row["data"]["metrics"].get(f"metrics/{file}.json", {}).get("data")
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return _text(value)


def _hash(row: dict[str, Any], path: str) -> str:
    return _text((row["data"]["deps"].get(path) or {}).get("hash"))[:7]


def _text(value: Any) -> str:
    if value is None or value != value:
        return "-"
    return f"{value:.4f}" if isinstance(value, float) and len(repr(value)) > 7 else str(value)
