"""model: trains, tracks, goes on after a kill, starts from another model, trains in two processes."""

import hashlib
import os
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import fusionrec.api
from fusionrec import files
from fusionrec.errors import UserError
from fusionrec.evaluation import metrics_table

from .. import warm
from .workspace import ITEMS, ROOT, build, run


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("WANDB_MODE", "offline")
    return change(build(tmp_path), {"train": {"epochs": 3, "batch": 8}, "model": {"fusion": {"dim": 8}}})


def change(folder: Path, changes: dict[str, Any]) -> Path:
    """Write other parameters; `changes` is a tree like params.yaml, and must not add keys."""

    def merge(tree: dict[str, Any], inside: dict[str, Any]) -> None:
        for name, value in inside.items():
            assert name in tree, name
            if isinstance(value, dict):
                merge(tree[name], value)
            else:
                tree[name] = value

    tree = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    merge(tree, changes)
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
    assert found.keys() == {"best"} and found["best"].keys() == {"epoch", "val"}, "curves are in plots"
    assert found["best"]["val"].keys() == {"ndcg@10", "recall@10"}
    assert (folder / "logs/system/metrics.json").exists()
    assert "<li>It has ended.</li>" in (folder / "logs/training.html").read_text(encoding="utf-8")
    assert not list((folder / "cache/training").glob("*")), "nothing is left of a training that has ended"
    kept = files.read_json(folder / "data/model/metrics.json")
    assert kept["epoch"] == found["best"]["epoch"]


def test_the_model_card_says_what_the_model_is(folder: Path) -> None:
    run(folder, "model")
    card = files.read_json(folder / "data/model/card.json")
    tree = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
    assert {*card["parameters"]} >= {
        "raw",
        "splits",
        "clean",
        "images",
        "cache",
        "encoders",
        "model",
        "train",
    }
    assert card["parameters"]["raw"]["source"] == tree["raw"]["source"]
    assert (
        card["parameters"]["splits"][tree["splits"]["strategy"]] == tree["splits"][tree["splits"]["strategy"]]
    )
    assert card["parameters"]["model"]["fusion"]["dim"] == 8
    assert not {"bpr_mf", "lightgcn"} & {*card["parameters"]["model"]}, "only the model that was trained"
    assert card["code"]["fingerprint"] and "src/fusionrec/models/zoo/fusion.py" in card["code"]["files"]
    assert "src/fusionrec/models/zoo/lightgcn.py" not in card["code"]["files"]
    train = folder / "data/splits/train.parquet"
    assert card["data"]["data/splits/train.parquet"] == hashlib.sha256(train.read_bytes()).hexdigest()
    vision, language = (tree["model"][name] for name in ("vision", "language"))
    assert {f"data/cache/vision/{vision}/features.npy", f"data/cache/language/{language}/features.npy"} <= {
        *card["data"]
    }
    assert card["libraries"].keys() >= {"python", "torch", "numpy"}
    assert card["encoders"]["vision"]["encoder"] == vision
    assert card["encoders"]["vision"]["license"] == tree["encoders"]["vision"][vision]["pypi"]["license"]
    measured = card["metrics"]["validation"]
    assert any(name.startswith("ndcg@") for name in measured)
    assert all(row["users"] and 0 <= row["mean"] <= 1 for row in measured.values())
    assert (folder / "data/model/README.md").read_text(encoding="utf-8").startswith("# fusion\n")


def test_another_model_goes_through_all_stages(folder: Path) -> None:
    """LightGCN is trained, measured and recommends, and the API loads it; it cannot score new items."""
    change(
        folder,
        {
            "model": {"name": "lightgcn", "lightgcn": {"dim": 8}},
            "metrics": {"tradeoff": [], "baselines": {"names": ["popularity"]}},
        },
    )
    for stage in ("model", "metrics", "recs"):
        run(folder, stage)
    assert files.read_json(folder / "data/model/card.json")["model"]["name"] == "lightgcn"
    assert "ndcg@5" in files.read_json(folder / "metrics/eval.json")
    table = files.read_table(folder / "data/recs/recommendations.parquet")
    shop = fusionrec.api.load(folder / "data/model", folder / "data/splits")
    asked = table["user_id"].unique().tolist()
    lists = shop.recommend(asked, 3)
    assert lists["item_id"].tolist() == table.groupby("user_id", sort=False).head(3)["item_id"].tolist()
    with pytest.raises(UserError, match="cannot score new"):
        shop.engine.model.among(shop.engine.model.content)


def test_ids_alone_go_through_all_stages(folder: Path) -> None:
    """Items without pictures, texts, numbers and categories, as in benchmarks of papers."""
    for name in ("vision", "language"):
        for file, empty in (
            ("features", np.zeros((ITEMS, 0), np.float32)),
            ("present", np.zeros(ITEMS, bool)),
        ):
            files.write_array(folder / f"data/cache/{name}/none/{file}.npy", empty)
        files.write_json(
            folder / f"data/cache/{name}/none/item_ids.json", [f"i{row}" for row in range(ITEMS)]
        )
        files.write_json(folder / f"data/cache/{name}/none/card.json", {"encoder": "none"})
    change(folder, {"model": {"name": "bpr_mf", "vision": "none", "language": "none"}})
    for stage in ("model", "metrics", "recs"):
        run(folder, stage)
    shown = metrics_table.parse((folder / "plots/metrics.csv").read_text(encoding="utf-8"))
    assert "diversity@5" not in shown["model"] and "model_mmr" not in shown, "there are no vectors"
    assert shown["model"]["ndcg@5"] is not None and shown["popularity"]["coverage@5"] is not None
    assert len(files.read_table(folder / "data/recs/recommendations.parquet"))


def test_a_modality_that_came_with_the_data_is_one_like_the_others(folder: Path) -> None:
    """Audio beside vision and language: trained, knocked out, saved, and named on the card."""
    rng = np.random.default_rng(1)
    files.write_array(folder / "data/raw/vectors/audio/vectors.npy", rng.standard_normal((5, 3), np.float32))
    files.write_json(folder / "data/raw/vectors/audio/item_ids.json", ["i1", "i3", "i0", "other", "i7"])
    few = {"tradeoff": [], "baselines": {"names": ["popularity"]}}
    change(folder, {"model": {"audio": "given"}, "metrics": few})
    for stage in ("model", "metrics", "recs"):
        run(folder, stage)
    content = fusionrec.api.load(folder / "data/model", folder / "data/splits").engine.model.content
    assert [*content.modalities] == ["vision", "language", "audio"]
    assert content.modalities["audio"].present.nonzero().flatten().tolist() == [0, 1, 3, 7]
    assert {"vision", "language", "audio"} <= files.read_json(folder / "data/metrics/ablation.json").keys()
    assert ",audio," in (folder / "plots/input_weights.csv").read_text(encoding="utf-8")
    card = files.read_json(folder / "data/model/card.json")
    assert "data/raw/vectors/audio/vectors.npy" in card["data"]


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
    change(folder, {"model": {"fusion": {"dim": 16}}})
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
        ({"train": {"monitor": "auc@10"}}, "error: train.monitor: no metric 'auc'"),
        ({"train": {"precision": "bf16"}}, "error: train.precision=bf16 on a CPU cannot be combined with"),
        (
            {"model": {"fusion": {"losses": {"softmax": 0, "contrastive": 1}}}},
            "at least one loss that ranks items",
        ),
        ({"train": {"resume_from": "nowhere"}}, "error: nowhere: config.json not found"),
    ],
    ids=str,
)
def test_what_cannot_be_is_one_error(folder: Path, changes: dict[str, Any], message: str) -> None:
    before = outputs(folder)
    assert message in run(change(folder, changes), "model", fails=True)
    assert outputs(folder) == before, "no half-written output"


@pytest.mark.slow
def test_a_killed_training_goes_on(folder: Path) -> None:
    change(folder, {"train": {"epochs": 3000, "patience": 3000}})
    run(folder, "model")
    whole = outputs(folder)
    command = [warm.python(), str(ROOT / "stages/model.py")]
    training = subprocess.Popen(command, cwd=folder, env=os.environ, stdout=subprocess.DEVNULL)
    while not list((folder / "cache/training").glob("*.safetensors")):
        time.sleep(0.1)
        assert training.poll() is None, "it was over before it could be killed"
    training.kill()
    training.wait()
    run(folder, "model")
    assert outputs(folder) == whole
