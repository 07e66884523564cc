"""The first hour with foreign data: three commands as a user types them, and Git stays free of the data."""

import os
import re
import subprocess
from pathlib import Path

import pytest
from dvc.utils.serialize import modify_yaml  # type: ignore[import-untyped]

from fusionrec import files

from .. import checkouts, warm
from . import foreign

TITLES = {"shop": "Málaga red wine", "dump": "Málaga red wine no.", "parquet": "red wine of Málaga"}


def shell(folder: Path, command: str) -> str:
    environment = os.environ | {"PATH": warm.path()}
    done = subprocess.run(
        command, cwd=folder, env=environment, shell=True, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", TITLES)
def test_from_a_folder_to_a_gallery(tmp_path: Path, name: str) -> None:
    clone = checkouts.clone(tmp_path / "clone")
    with modify_yaml(clone / "params.yaml") as tree:
        tree["train"]["epochs"] = 15
    checkouts.commit(clone)
    getattr(foreign, name)(clone / name)
    (clone / "notes.txt").write_text("unrelated")

    said = shell(clone, f"python src/fusionrec check {name}")
    line = said.rstrip().splitlines()[-1].strip()
    assert line == f"dvc add {name} && cp params.{name}.yaml params.yaml && dvc exp run -n {name}"
    shell(clone, line)

    assert TITLES[name] in (clone / "data/recs/gallery.html").read_text(encoding="utf-8")
    plot = (clone / "plots/ndcg_at_k.csv").read_text(encoding="utf-8")
    at_ten = dict(re.findall(r"^10,(\w+),([0-9.]+)", plot, re.M))
    assert float(at_ten["model"]) > float(at_ten["popularity"])
    assert files.read_json(clone / "metrics/clean.json")["items"]["kept"] == foreign.ITEMS

    commits = checkouts.git(clone, "for-each-ref", "--format=%(refname)", "refs/exps/").split()
    held = [
        path
        for ref in commits
        if "stash" not in ref
        for path in checkouts.git(clone, "ls-tree", "-r", "--name-only", ref).splitlines()
    ]
    assert held and f"{name}.dvc" in held
    assert not [path for path in held if path.startswith(f"{name}/") or path == "notes.txt"]
