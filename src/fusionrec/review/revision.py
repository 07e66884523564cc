"""What git holds of one revision: parameters, lock and metrics."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from fusionrec import code, trees
from fusionrec.errors import UserError
from fusionrec.evaluation import metrics_table
from fusionrec.review import revision_files

PARAMS, LOCK = "params.yaml", "dvc.lock"
EVALUATION = "plots/metrics.csv"
KEY_METRICS = "metrics/eval.json"  # some of these metrics
CODE_LOCK = "src/dvc.lock"
CODE = "data/code"  # holds a file for each stage: the code that it runs, with digests


class Side(NamedTuple):
    """One of the two revisions that are compared.

    Attributes:
        name: of the revision, in DVC's terms.
        params: params.yaml.
        stages: the stages of dvc.lock and src/dvc.lock.
        figures: the content of each JSON file of metrics, by path, such as metrics/clean.json.
        evaluation: all metrics, {recommender: {metric: value}}; empty if there are none.
    """

    name: str
    params: dict[str, Any]
    stages: dict[str, Any]
    figures: dict[str, Any]
    evaluation: dict[str, Any]

    @property
    def outs(self) -> dict[str, str]:
        """{path: hash} of the outputs of all stages."""
        return dict(_hashes(self.stages, "outs"))

    @property
    def sources(self) -> dict[str, str]:
        """{path: hash} of what stages read but none writes: the input of the first stage."""
        outs = self.outs
        return {path: digest for path, digest in _hashes(self.stages, "deps") if not _within(path, outs)}

    @property
    def code(self) -> dict[str, str]:
        """{stage: hash} of the code that each stage runs, without comments and docstrings."""
        prefix = f"{CODE}/"
        read = _hashes(self.stages, "deps")
        return {path.removeprefix(prefix): digest for path, digest in read if path.startswith(prefix)}


def _hashes(stages: dict[str, Any], kind: str) -> Iterator[tuple[str, str]]:
    for stage in stages.values():
        for entry in stage.get(kind, []):
            yield entry["path"], entry.get("md5", "")


def _within(path: str, outs: dict[str, str]) -> bool:
    return any(parent in outs for parent in (path, *(p.as_posix() for p in Path(path).parents)))


def workspace_outs() -> dict[str, str]:
    """{path: hash} of the outputs in the workspace, as dvc.lock has them."""
    return dict(_hashes(_stages(revision_files.WORKSPACE), "outs"))


def _stages(revision: str) -> dict[str, Any]:
    """The stages of the pipeline and, if the revision has one, the stage that takes fingerprints of code."""
    stages: dict[str, Any] = _yaml(LOCK, revision).get("stages", {})
    try:
        return stages | _yaml(CODE_LOCK, revision).get("stages", {})
    except UserError:
        return stages


def _yaml(path: str, revision: str) -> Any:
    """As DVC reads it: YAML 1.2, where 2e-05 is a number."""
    from dvc.utils.serialize import parse_yaml  # type: ignore[import-untyped]

    return parse_yaml(revision_files.read_bytes(path, revision).decode(), path)


def read(revision: str, metrics: bool = True) -> Side:
    """Read a revision's parameters, lock and, unless not needed, metrics; they are in git, so no data is needed.

    Raises:
        UserError: if there is no such revision, or one of these files is missing in it or cannot be read.
    """
    tree, stages = _yaml(PARAMS, revision), _stages(revision)
    outs = sorted(path for path, _ in _hashes(stages, "outs") if metrics)
    figures = {path: _parsed(path, revision, json.loads) for path in outs if path.endswith(".json")}
    evaluation = figures.pop(KEY_METRICS, {})  # up to version 0.2.0 it has all metrics
    if EVALUATION in outs:
        evaluation = _parsed(EVALUATION, revision, metrics_table.parse)
    return Side(revision, tree, stages, figures, evaluation)


def _parsed(path: str, revision: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(revision_files.read_bytes(path, revision).decode())
    except ValueError:
        raise UserError(
            f"{revision}: {path} is damaged, as after a merge conflict; run `dvc repro`, or `git restore {path}`"
        ) from None


def fetch(side: Side, path: str) -> bytes | None:
    """An output's bytes; None if the revision has no such output, or its data is not available."""
    if not _within(path, side.outs):
        return None
    try:
        return revision_files.read_bytes(path, side.name)
    except UserError:
        return None


def stale(side: Side) -> list[str]:
    """Parameters that differ from those in dvc.lock; in the workspace also files and code."""
    recorded: dict[str, Any] = {}
    for stage in side.stages.values():
        recorded |= stage.get("params", {}).get(PARAMS, {})
    changed = [name for name, value in recorded.items() if trees.value(side.params, name) != value]
    if side.name == revision_files.WORKSPACE:
        files = side.sources | {path: digest for path, digest in side.outs.items() if "data/" not in path}
        changed += [path for path, digest in files.items() if not _has_hash(Path(path), digest)]
        changed += [f"the code of {stage}" for stage in _stale_code(side.code)]
    return sorted(changed)


def _stale_code(recorded: dict[str, str]) -> list[str]:
    """The stages of the workspace whose code has other hashes than `recorded`."""
    here = code.stages(Path()) if recorded else {}
    hashes = {stage: hashlib.md5(code.listing(files).encode()).hexdigest() for stage, files in here.items()}
    return [stage for stage, digest in recorded.items() if hashes.get(stage) != digest]


def _has_hash(path: Path, digest: str) -> bool:
    """Whether a file has this MD5; of folders, which DVC hashes as a list of files, it is not checked."""
    if path.is_dir():
        return True
    return path.is_file() and hashlib.md5(path.read_bytes()).hexdigest() == digest
