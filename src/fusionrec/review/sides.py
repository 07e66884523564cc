"""What one revision says of itself: parameters, lock, and the metrics that git holds."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fusionrec.errors import UserError
from fusionrec.evaluation import revisions

PARAMS, LOCK, EVALUATION = "params.yaml", "dvc.lock", "metrics/eval.json"


class Side(NamedTuple):
    """One of the two that are compared.

    Attributes:
        name: what DVC calls the revision.
        params: params.yaml.
        stages: those of dvc.lock.
        figures: {"metrics/eval.json": its content}, of every JSON file of metrics.
    """

    name: str
    params: dict[str, Any]
    stages: dict[str, Any]
    figures: dict[str, Any]

    @property
    def outs(self) -> dict[str, str]:
        """{path: hash} of what stages write."""
        return dict(_hashes(self.stages, "outs"))

    @property
    def sources(self) -> dict[str, str]:
        """{path: hash} of what stages read and none writes: code, and the input of the first one."""
        outs = self.outs
        return {path: found for path, found in _hashes(self.stages, "deps") if not _within(path, outs)}

    @property
    def evaluation(self) -> dict[str, Any]:
        """metrics/eval.json; empty where there is none."""
        found: dict[str, Any] = self.figures.get(EVALUATION, {})
        return found


def _hashes(stages: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    for stage in stages.values():
        for entry in stage.get(kind, []):
            yield entry["path"], entry.get("md5", "")


def _within(path: str, outs: dict[str, str]) -> bool:
    return any(parent in outs for parent in (path, *(p.as_posix() for p in Path(path).parents)))


def workspace_outs() -> dict[str, str]:
    """{path: hash} of what lies here, if dvc.lock is right."""
    return dict(_hashes(_stages(revisions.WORKSPACE), "outs"))


def _stages(revision: str) -> dict[str, Any]:
    found: dict[str, Any] = _yaml(LOCK, revision).get("stages", {})
    return found


def _yaml(path: str, revision: str) -> Any:
    """As DVC reads it: YAML 1.2, where 2e-05 is a number."""
    from dvc.utils.serialize import parse_yaml  # type: ignore[import-untyped]

    return parse_yaml(revisions.read_bytes(path, revision).decode(), path)


def read(revision: str) -> Side:
    """Read a revision's parameters, lock and metrics; they are in git, so that no data is needed.

    Raises:
        UserError: if there is no such revision, or it lacks one of them.
    """
    tree, stages = _yaml(PARAMS, revision), _stages(revision)
    names = sorted(path for path, _ in _hashes(stages, "outs") if path.endswith(".json"))
    figures = {path: json.loads(revisions.read_bytes(path, revision)) for path in names}
    return Side(revision, tree, stages, figures)


def fetch(side: Side, path: str) -> bytes | None:
    """An output's bytes, or None where the revision has no such output or its data is not to be had."""
    if not _within(path, side.outs):
        return None
    try:
        return revisions.read_bytes(path, side.name)
    except UserError:
        return None


def stale(side: Side) -> list[str]:
    """Parameters, and in the workspace files too, that are not what dvc.lock was written for."""
    recorded: dict[str, Any] = {}
    for stage in side.stages.values():
        recorded |= stage.get("params", {}).get(PARAMS, {})
    changed = [name for name, value in recorded.items() if _value(side.params, name) != value]
    if side.name == revisions.WORKSPACE:
        files = side.sources | {path: found for path, found in side.outs.items() if "data/" not in path}
        changed += [path for path, found in files.items() if not _is(Path(path), found)]
    return sorted(changed)


def _value(tree: Any, name: str) -> Any:
    """What a dotted name stands for; None where there is no such parameter."""
    for key in name.split("."):
        tree = tree.get(key) if isinstance(tree, dict) else None
    return tree


def _is(path: Path, found: str) -> bool:
    """Whether a file has the hash `found`; folders, which DVC hashes as a list of files, are not looked into."""
    if path.is_dir():
        return True
    return path.is_file() and hashlib.md5(path.read_bytes()).hexdigest() == found
