"""Tiny encoders in Hugging Face layout, and registry entries for them."""

import multiprocessing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from fusionrec import files, sections
from fusionrec.encoders import untrained
from fusionrec.encoders.options import Cache, EncoderEntry

ROOT = Path(__file__).resolve().parents[2]
ENCODERS = [
    "transformers.models.bert.modeling_bert",
    "transformers.models.auto.tokenization_auto",
    "timm.data",
]


@pytest.fixture
def quick_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worker processes are forked from one that has imported the libraries, instead of importing them each."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(ENCODERS)
    monkeypatch.setattr(multiprocessing, "get_context", lambda method: context)


@pytest.fixture
def entry() -> Callable[..., EncoderEntry]:
    def build(**changes: Any) -> EncoderEntry:
        hub = {"id": "nobody/nothing", "revision": "0" * 40, "license": "mit", "width": 32}
        tree = {"library": "transformers", "pooling": "mean", "layer": -1, "normalize": False}
        return EncoderEntry.model_validate(tree | {"hub": hub, "pypi": None, "untrained": None} | changes)

    return build


@pytest.fixture
def options() -> Callable[..., Cache]:
    cache = sections.load(ROOT / "params.yaml").cache
    return lambda **changes: cache.model_copy(update=changes)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[str], tuple[Path, Any]]:
    """Saves the tiny model of that kind; returns its folder and the model, read by its own class."""

    import transformers

    def save(kind: str) -> tuple[Path, Any]:
        folder = tmp_path / kind
        untrained.write(kind, folder)
        (name,) = files.read_json(folder / "config.json")["architectures"]
        return folder, getattr(transformers, name).from_pretrained(folder).eval()

    return save
