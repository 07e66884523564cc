"""Clones of this repository in which tests run DVC on a small demo with real encoders."""

import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
from dvc.utils.serialize import modify_yaml  # type: ignore[import-untyped]

from . import warm

ROOT = Path(__file__).resolve().parents[1]
SMALL = {
    "raw.demo.items": 60, "raw.demo.users": 60, "raw.demo.interactions": 900,
    "clean.min_user_interactions": 3, "train.epochs": 2, "recs.users": 3,
}  # fmt: skip
TINY = SMALL | {  # for what is run many times
    "raw.demo.items": 40, "raw.demo.users": 40, "raw.demo.interactions": 600, "model.fusion.dim": 16,
    "metrics.baselines.names": ["random", "popularity"], "metrics.rerankers": [], "metrics.tradeoff": [],
}  # fmt: skip


def clone(target: Path) -> Path:
    """A fresh clone of the working tree's tracked files, with a clean history of its own."""
    names = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    for name in names:
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)
    git(target, "init", "-q")
    commit(target)
    return target


def git(folder: Path, *args: str) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    return subprocess.run(
        ["git", *identity, *args], cwd=folder, capture_output=True, text=True, check=True
    ).stdout


def commit(folder: Path) -> None:
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "state", "--allow-empty")


def dvc(folder: Path, *args: str, fails: bool = False) -> str:
    """Run dvc, as in an activated environment; it and the stages start quickly."""
    env = os.environ | {"PATH": warm.path()}
    done = subprocess.run(["dvc", *args], cwd=folder, env=env, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, output
    return output


def ran(output: str) -> list[str]:
    """The stages that DVC ran; `code`, which always runs, aside."""
    stages = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]
    return [stage for stage in stages if stage != "src/dvc.yaml:code"]


def tiny(folder: Path) -> Path:
    """A clone in which the `TINY` demo has run and is committed."""
    clone(folder)
    change(folder, TINY)
    assert "recs" in ran(dvc(folder, "repro"))
    commit(folder)
    return folder


def edit(path: Path, old: str, new: str) -> None:
    """Replace the first occurrence of a text in a file."""
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{path}: {old!r} is not there"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def change(folder: Path, values: dict[str, Any]) -> None:
    """Set parameters by their dotted names, in DVC's layout of YAML."""
    with modify_yaml(folder / "params.yaml") as tree:
        for name, value in values.items():
            *sections, leaf = name.split(".")
            node = tree
            for section in sections:
                node = node[section]
            node[leaf] = value


def inside(folder: Path) -> list[psutil.Process]:
    """Processes that work somewhere in `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:
            continue
    return found
