"""model: trains, tracks, goes on after a kill, starts from another model, trains in two processes."""

import hashlib
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import files

from .workspace import ROOT, build, run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return change(build(tmp_path), {"train": {"epochs": 3, "batch": 8}, "model": {"dim": 8}})


def change(folder: Path, changes: dict[str, dict[str, Any]]) -> Path:
    tree = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    for section, values in changes.items():
        tree[section].update(values)
    (folder / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    return folder


def outputs(folder: Path) -> dict[str, str]:
    paths = [p for part in ("data/model", "metrics/train") for p in (folder / part).rglob("*") if p.is_file()]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in sorted(paths)}


def test_a_training_repeats_to_the_byte(folder: Path) -> None:
    run(folder, "model")
    first = outputs(folder)
    run(folder, "model", hash_seed=1)
    assert outputs(folder) == first
    found = files.read_json(folder / "metrics/train/metrics.json")
    assert found["step"] == 2
    assert {"loss", "softmax", "lr", "gradient_norm"} <= found["train"].keys()
    assert found["best"]["val"].keys() == found["val"].keys() == {"ndcg@10", "recall@10"}
    assert (folder / "logs/system/metrics.json").exists()
    assert not list((folder / "cache/training").glob("*")), "nothing is left of a training that has ended"
    kept = files.read_json(folder / "data/model/metrics.json")
    assert kept["epoch"] == found["best"]["epoch"]


def test_two_processes_train_together(folder: Path) -> None:
    change(folder, {"runtime": {"nproc": 2}})
    run(folder, "model")
    run(folder, "metrics")


def test_a_model_can_be_continued(folder: Path) -> None:
    run(folder, "model")
    (folder / "data/model").rename(folder / "earlier")
    change(folder, {"train": {"epochs": 1, "lr": 1e-12, "warmup": 0.0, "resume_from": "earlier"}})
    run(folder, "model")
    before, after = (
        files.read_tensors(folder / name / "model.safetensors") for name in ("earlier", "data/model")
    )
    assert all(
        (before[name].float() - after[name].float()).abs().max() < 1e-6
        for name in before
        if before[name].numel()
    )
    change(folder, {"model": {"dim": 16}})
    message = run(folder, "model", fails=True)
    assert "error: train.resume_from: earlier does not fit the parameters and data" in message


def test_weights_and_biases_is_a_mirror(folder: Path) -> None:
    pytest.importorskip("wandb")
    run(folder, "model")
    plain = outputs(folder)
    change(folder, {"train": {"wandb": "shop"}})
    run(folder, "model")
    assert list((folder / "logs/wandb").glob("offline-run-*/*.wandb"))
    curves = {name: value for name, value in outputs(folder).items() if name.startswith("metrics/")}
    assert curves.items() <= plain.items(), "it changes nothing here"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"monitor": "auc@10"}, "error: train.monitor: no metric 'auc'"),
        ({"precision": "bf16"}, "error: train.precision=bf16 on a CPU does not go with"),
        (
            {"losses": {"softmax": 0, "sampled_softmax": 0, "bpr": 0, "bce": 0, "contrastive": 1}},
            "at least one of",
        ),
        ({"resume_from": "nowhere"}, "error: nowhere: config.json not found"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_error(folder: Path, changes: dict[str, Any], message: str) -> None:
    before = outputs(folder)
    assert message in run(change(folder, {"train": changes}), "model", fails=True)
    assert outputs(folder) == before, "no half-written output"


@pytest.mark.slow
def test_a_killed_training_goes_on(folder: Path) -> None:
    change(folder, {"train": {"epochs": 3000, "patience": 3000}})
    run(folder, "model")
    whole = outputs(folder)
    command = [sys.executable, str(ROOT / "stages/model.py")]
    training = subprocess.Popen(command, cwd=folder, env=os.environ, stdout=subprocess.DEVNULL)
    while not list((folder / "cache/training").glob("*.safetensors")):
        time.sleep(0.1)
        assert training.poll() is None, "it was over before it could be killed"
    training.kill()
    training.wait()
    run(folder, "model")
    assert outputs(folder) == whole
