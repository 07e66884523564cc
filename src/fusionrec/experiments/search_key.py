"""The key of a search: it stands for everything that its trials depend on, so that trials of one key compare."""

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from fusionrec import params, trees
from fusionrec.experiments import overrides
from fusionrec.experiments.options import Categorical, Dimension

LAST = "model"  # the stage after which a trial is validated
OWN = ("search",)  # sections that no stage reads, but the search itself


def key(root: Path, space: dict[str, Dimension], fixed: Iterable[str] = ()) -> str:
    """Seven digits for what trials depend on, up to the stage `model`: code, parameters and data.

    Code is that of the choices that are selected or searched over, without comments and docstrings (see
    `fusionrec.code`). Data is known by its hashes in dvc.lock.

    Args:
        root: of the checkout.
        space: what the search varies.
        fixed: overrides that all trials share.
    """
    tree = overrides.applied(params.read(root / params.PATH), fixed, root / params.PATH)
    tree = tree | {
        "search": tree["search"] | {"space": {name: one.model_dump() for name, one in space.items()}}
    }
    parts = {
        "code": _code(root, varied(tree, space)),
        "parameters": _parameters(root, tree),
        "data": _data(root),
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:7]


def varied(tree: dict[str, Any], space: dict[str, Dimension]) -> dict[str, Any]:
    """The parameters `tree` with all that a search may choose: a list of choices, or the upper end of a range."""
    widest = {
        name: dimension.choices if isinstance(dimension, Categorical) else dimension.high
        for name, dimension in space.items()
    }
    all_parameters: dict[str, Any] = trees.changed(tree, widest)
    return all_parameters


def _code(root: Path, tree: dict[str, Any]) -> str:
    from fusionrec import code

    scripts = [root / "stages" / f"{name}.py" for name in _stages(root)]
    return code.digest_of(code.Code(root, tree).files(path for path in scripts if path.is_file()))


def _parameters(root: Path, tree: dict[str, Any]) -> dict[str, Any]:
    read = [name for stage in _stages(root).values() for name in _read(stage)]
    return {name: trees.value(tree, name) for name in [*read, *OWN]}


def _read(stage: dict[str, Any]) -> Iterator[str]:
    """The parameters that a stage of dvc.yaml reads; of a name with a template, the section that it is in."""
    for name in stage.get("do", stage).get("params", []):
        yield name.partition("${")[0].rpartition(".")[0] if "${" in name else name


def _data(root: Path) -> dict[str, str]:
    """{path: hash} of the data that the stages read; their code is covered by its fingerprint."""
    locked = _yaml(root / "dvc.lock").get("stages", {}) if (root / "dvc.lock").exists() else {}
    names = _stages(root).keys()
    entries = [
        entry
        for name, stage in locked.items()
        if name.partition("@")[0] in names
        for entry in stage.get("deps", [])
    ]
    return {
        entry["path"]: entry.get("md5", "") for entry in entries if not entry["path"].startswith("data/code/")
    }


def _stages(root: Path) -> dict[str, Any]:
    """The stages of dvc.yaml up to `LAST`, in its order."""
    stages: dict[str, Any] = _yaml(root / "dvc.yaml")["stages"]
    names = list(stages)
    return {name: stages[name] for name in names[: names.index(LAST) + 1]}


def _yaml(path: Path) -> Any:
    import yaml

    return yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader) or {}
