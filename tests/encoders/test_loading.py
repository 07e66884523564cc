"""Models are loaded completely, or refused with one clear error."""

import importlib
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pydantic import ValidationError

from fusionrec import files
from fusionrec.encoders import language, loading, vision
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.errors import UserError

CPU = torch.device("cpu")
Saved = Callable[[str], tuple[Path, Any]]
Entry = Callable[..., EncoderEntry]
Options = Callable[..., Cache]


def test_a_damaged_file(saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("bert")
    (folder / "model.safetensors").write_bytes(b"damaged" * 9)
    with pytest.raises(UserError, match="bert: cannot be loaded as an encoder in Hugging Face layout"):
        language.load(folder, entry(), options(), CPU)


def test_the_wrong_library(saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("resnet")
    with pytest.raises(UserError, match="resnet: cannot be loaded as an encoder in Hugging Face layout"):
        vision.load(folder, entry(library="timm"), options(), CPU)


def test_pickled_weights_are_not_even_opened(saved: Saved, entry: Entry, options: Options) -> None:
    folder, model = saved("bert")
    torch.save(model.state_dict(), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(UserError, match=r"cannot be loaded.*safetensors"):
        language.load(folder, entry(), options(), CPU)


def test_code_that_comes_with_a_model_is_not_run(
    saved: Saved, entry: Entry, options: Options, tmp_path: Path
) -> None:
    folder, _ = saved("bert")
    trap = tmp_path / "executed"
    (folder / "trap.py").write_text(f"open({str(trap)!r}, 'w')\nclass Model: pass\nclass Config: pass\n")
    config = files.read_json(folder / "config.json")
    config |= {"model_type": "trap", "auto_map": {"AutoConfig": "trap.Config", "AutoModel": "trap.Model"}}
    files.write_json(folder / "config.json", config)
    with pytest.raises(UserError, match="cannot be loaded as an encoder"):
        language.load(folder, entry(), options(), CPU)
    assert not trap.exists()


def test_no_tokenizer(saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("bert")
    (folder / "tokenizer.json").unlink()
    (folder / "tokenizer_config.json").unlink()
    with pytest.raises(UserError, match=r"bert: has no tokenizer: none of tokenizer\.json"):
        language.load(folder, entry(), options(), CPU)


def test_no_preprocessing(saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("resnet")
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(UserError, match=r"cannot be loaded.*image processor"):
        vision.load(folder, entry(pooling="pooled"), options(), CPU)


def test_a_model_elsewhere_gives_the_same_vectors(saved: Saved, entry: Entry, options: Options) -> None:
    folder, _ = saved("bert")
    shutil.copytree(folder, folder.with_name("elsewhere"))
    here, there = (language.load(f, entry(), options(), CPU) for f in (folder, folder.with_name("elsewhere")))
    assert torch.equal(here.encode(["abc"]), there.encode(["abc"]))


@pytest.mark.parametrize(
    "changes",
    [
        {"library": "timm", "pooling": "projected"},
        {"library": "timm", "pooling": "cls", "layer": 3},
        {"pooling": "pooled", "layer": 3},
        {"pooling": "projected", "layer": 3},
    ],
)
def test_an_entry_that_would_be_ignored_in_part(changes: dict[str, Any], entry: Entry) -> None:
    with pytest.raises(ValidationError, match=r"pooling is cls or mean|read no texts"):
        entry(**changes)
    entry(pooling="cls", layer=3)


def test_imports_without_a_package() -> None:
    with loading.without("wandb_of_nobody"), pytest.raises(ImportError):
        importlib.import_module("wandb_of_nobody")
    assert "wandb_of_nobody" not in sys.modules
    with loading.without("json"):
        assert importlib.import_module("json") is sys.modules["json"], "it was imported before"
