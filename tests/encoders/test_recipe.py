"""A recipe's identity changes with everything that can change a vector, and with nothing else."""

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from fusionrec import code, files
from fusionrec.checksums import sha256
from fusionrec.encoders import recipe as module
from fusionrec.encoders import untrained, views
from fusionrec.encoders.options import Cache, EncoderEntry, PictureAugmentation, TextAugmentation
from fusionrec.encoders.recipe import Recipe

Entry = Callable[..., EncoderEntry]
Options = Callable[..., Cache]
STRONG = PictureAugmentation(colour_jitter=0.5, random_crop=0.5, flip=1, rotation=1, blur=1)
SPARSE = TextAugmentation(random_delete=0.5, random_swap=0.5)


@pytest.fixture
def recipe(tmp_path: Path, entry: Entry, options: Options) -> Callable[..., Recipe]:
    def build(modality: str, **changes: Any) -> Recipe:
        kind, pooling = ("bert", "mean") if modality == "language" else ("resnet", "pooled")
        if not (tmp_path / kind).exists():
            untrained.write(kind, tmp_path / kind)
        found = entry(pooling=changes.pop("pooling", pooling), untrained=changes.pop("untrained", None))
        device, reproducible = changes.pop("device", "cpu"), changes.pop("reproducible", "portable")
        own = sha256(tmp_path / kind / "model.safetensors")
        source = {"weights": "local", "sha256": changes.pop("sha256", own)}
        return Recipe(modality, found, tmp_path / kind, source, options(**changes), device, reproducible)

    return build


@pytest.mark.parametrize("modality", ["vision", "language"])
@pytest.mark.parametrize(
    "changes",
    [
        {"batch": 99},
        {"precision": "bf16"},
        {"compile": True},
        {"tokens": 1},
        {"views": 1},
        {"sha256": "1"},
        {"pooling": "cls"},
        {"reproducible": "machine"},
    ],
)
def test_another_vector_another_identity(
    recipe: Callable[..., Recipe], modality: str, changes: dict[str, Any]
) -> None:
    assert recipe(modality, **changes).identity() != recipe(modality).identity()


@pytest.mark.parametrize(
    ("modality", "changes", "matters"),
    [
        ("language", {"max_tokens": 9}, True),
        ("vision", {"max_tokens": 9}, False),
        ("language", {"channels_last": False}, False),
        ("vision", {"channels_last": False}, True),
        ("language", {"seed": 9, "language": SPARSE}, False),
        ("language", {"seed": 9, "views": 1}, True),
        ("language", {"language": SPARSE, "views": 1}, True),
        ("language", {"vision": STRONG, "views": 1}, False),
        ("vision", {"vision": STRONG, "views": 1}, True),
        ("vision", {"language": SPARSE, "views": 1}, False),
        ("vision", {"untrained": "resnet"}, False),
    ],
)
def test_what_matters_to_whom(
    recipe: Callable[..., Recipe], modality: str, changes: dict[str, Any], matters: bool
) -> None:
    plain = {"views": changes.get("views", 0), "seed": 1}
    assert (recipe(modality, **plain | changes).identity() != recipe(modality, **plain).identity()) == matters


def test_the_folder_may_lie_elsewhere_but_not_differ(recipe: Callable[..., Recipe]) -> None:
    here = recipe("language")
    elsewhere = here._replace(folder=here.folder.rename(here.folder.parent / "elsewhere"))
    wanted = elsewhere.identity()
    elsewhere.folder.rename(here.folder)
    assert here.identity() == wanted
    path = here.folder / "tokenizer_config.json"
    path.write_text(path.read_text().replace("true", "false"))
    assert here.identity() != wanted


def test_other_libraries(recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch) -> None:
    before = recipe("language").identity()
    with monkeypatch.context() as patch:
        patch.setattr(module, "version", lambda name: "0.0")
        assert recipe("language").identity() != before
    assert recipe("language").identity() == before


@pytest.mark.parametrize(
    ("name", "old", "new", "differ"),
    [
        ("pooling.py", "clamp(min=1)", "clamp(min=2)", {"vision", "language", "views"}),
        ("language.py", "MULTIPLE = 8", "MULTIPLE = 16", {"language", "views"}),
        ("pixels.py", '.convert("RGB")', '.convert("L")', {"vision", "views"}),  # views decode pictures
        ("augment.py", "BLUR_EDGE = 224", "BLUR_EDGE = 225", {"views"}),
        ("neighbour_plots.py", "DPI = 100", "DPI = 101", set()),
        ("pooling.py", "\nimport torch\n", "\n# a comment\nimport torch\n", set()),
    ],
)
def test_other_code(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, old: str, new: str,
    differ: set[str],
) -> None:  # fmt: skip
    """Vectors are computed again when code that computes them changes, and only then."""
    shutil.copytree(code.ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(code, "fingerprint", partial(code.fingerprint, root=tmp_path))
    recipes = {
        "vision": recipe("vision", views=0),
        "language": recipe("language", views=0),
        "views": recipe("language", views=1),
    }
    before = {which: each.identity() for which, each in recipes.items()}
    path = tmp_path / "src/fusionrec/encoders" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    assert {which for which, each in recipes.items() if each.identity() != before[which]} == differ


def test_a_gpu_and_a_cpu_round_differently(
    recipe: Callable[..., Recipe], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module.torch.cuda, "get_device_name", lambda: "first")
    first = recipe("language", device="cuda").identity()
    assert first != recipe("language").identity()
    monkeypatch.setattr(module.torch.cuda, "get_device_name", lambda: "second")
    assert first != recipe("language", device="cuda").identity()


def test_the_card(recipe: Callable[..., Recipe], options: Options) -> None:
    card = recipe("language", max_tokens=9, batch=7, views=0, sha256="0").card()
    assert card == {
        "weights": "local", "sha256": "0", "library": "transformers", "pooling": "mean", "layer": -1,
        "normalize": False, "preprocessing": {"max_tokens": 9}, "batch": 7, "precision": "fp32",
        "compile": False,
    }  # fmt: skip
    assert recipe("language", tokens=9).card()["tokens"] == 9
    pictures = recipe("vision", views=2, seed=3)
    card = pictures.card()
    assert (card["views"], card["seed"], card["channels_last"]) == (2, 3, True)
    assert card["augmentation"] == options().vision.model_dump()
    assert card["preprocessing"] == files.read_json(pictures.folder / "preprocessor_config.json")


def test_without_views_the_encoder_itself(recipe: Callable[..., Recipe]) -> None:
    """Not so much as a second scaling to length one, which could change last bits."""
    assert not isinstance(recipe("language", views=0).load(), views.MeanOfViews)
    assert isinstance(recipe("language", views=1).load(), views.MeanOfViews)
