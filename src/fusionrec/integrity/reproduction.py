"""Compares dvc.lock with that of the last commit: which stage made other bytes of the same inputs, and by how much."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from fusionrec.errors import UserError
from fusionrec.git import git
from fusionrec.integrity import numbers

LOCK = "dvc.lock"
SHOWN = 10  # files of a stage
Stage = dict[str, Any]


def report(repo: Any) -> list[str]:
    """What `dvc repro` has made differently from the last commit, a line each; empty: nothing.

    Args:
        repo: a `dvc.repo.Repo` in Git, whose root is the working directory.

    Raises:
        UserError: if Git has no dvc.lock.
    """
    before = _stages(git(Path(), "show", f"HEAD:./{LOCK}"))
    now = _stages(Path(LOCK).read_text(encoding="utf-8"))
    first, later = list[str](), list[str]()
    for name in before.keys() & now.keys():
        if before[name].get("outs") != now[name].get("outs"):
            (first if _inputs(before[name]) == _inputs(now[name]) else later).append(name)
    lines = []
    for name in sorted(first):
        lines.append(f"{name}: other bytes, made of the same inputs, parameters and code")
        found = list(_files(repo, before[name], now[name]))
        lines += [f"  {line}" for line in found[:SHOWN]]
        lines += [f"  and {len(found) - SHOWN:,} more files"] if len(found) > SHOWN else []
    if later:
        lines.append(f"other bytes, made of other inputs, parameters or code: {', '.join(sorted(later))}")
    return lines


def _stages(text: str) -> dict[str, Stage]:
    stages: dict[str, Stage] = yaml.load(text, yaml.CSafeLoader)["stages"]
    return stages


def _inputs(stage: Stage) -> Stage:
    return {key: value for key, value in stage.items() if key != "outs"}


def _files(repo: Any, before: Stage, now: Stage) -> Iterator[str]:
    """The files of one stage that differ."""
    entries = {out["path"]: out["md5"] for out in now["outs"]}
    for out in before["outs"]:
        path, old = out["path"], out["md5"]
        new = entries.get(path)
        if new is None or new == old:
            continue
        here, there = _listed(repo, old), _listed(repo, new)
        if not here or not there:
            yield f"{path}: the committed bytes are not here, so the numbers cannot be compared; `dvc pull` brings them"
            continue
        for name in sorted(here.keys() & there.keys()):
            if here[name] != there[name]:
                full = f"{path}/{name}" if name else path
                yield f"{full}: {_compared(repo, full, here[name], there[name])}"
        if others := sorted(here.keys() ^ there.keys()):
            yield f"{path}: files that only one version has: {', '.join(others[:SHOWN])}"


def _listed(repo: Any, oid: str) -> dict[str, str]:
    """The hash of each file of an output; empty if the cache has no list of them."""
    if not oid.endswith(".dir"):
        return {"": oid}
    path = _stored(repo, oid)
    if not path.exists():
        return {}
    return {entry["relpath"]: entry["md5"] for entry in json.loads(path.read_text(encoding="utf-8"))}


def _compared(repo: Any, path: str, old: str, new: str) -> str:
    """How two versions of a file differ: as objects in DVC's cache, or in Git and in the workspace."""
    if _stored(repo, old).exists() and _stored(repo, new).exists():
        return numbers.compare(path, _stored(repo, old).read_bytes(), _stored(repo, new).read_bytes())
    try:
        committed = git(Path(), "show", f"HEAD:./{path}").encode()
        return numbers.compare(path, committed, Path(path).read_bytes())
    except (UserError, OSError, UnicodeDecodeError):  # not in Git; or a picture
        return "other bytes"


def _stored(repo: Any, oid: str) -> Path:
    return Path(repo.cache.local.oid_to_path(oid))
