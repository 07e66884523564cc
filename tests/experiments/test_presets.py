"""Presets: each is valid, and a wrong one changes nothing."""

import shutil
from pathlib import Path

import pytest
import yaml

from fusionrec import trees
from fusionrec.errors import UserError
from fusionrec.experiments import overrides, presets

ROOT = Path(__file__).resolve().parents[2]
FILES = presets.available(ROOT / "presets")


@pytest.fixture
def params(tmp_path: Path) -> Path:
    return Path(shutil.copy(ROOT / "params.yaml", tmp_path))


@pytest.mark.parametrize("name", FILES)
def test_each_preset_is_valid_and_written(params: Path, name: str) -> None:
    presets.apply(params, [name], ROOT / "presets")
    tree, before = (yaml.safe_load(path.read_text()) for path in (params, ROOT / "params.yaml"))
    wanted = presets.settings([name], before, ROOT / "presets")
    assert wanted
    for key, value in wanted.items():
        assert trees.value(tree, key) == value
    leaves, old = trees.flat(tree), trees.flat(before)
    changed = {key for key in {*leaves, *old} if leaves.get(key, "") != old.get(key, "")}
    assert all(any(f"{key}.".startswith(f"{one}.") for one in wanted) for key in changed)
    comments = [line.partition("#")[2] for line in params.read_text().splitlines()]
    assert comments == [line.partition("#")[2] for line in (ROOT / "params.yaml").read_text().splitlines()]
    assert presets.summary(FILES[name])


@pytest.mark.parametrize("text", ["train: {lr: -1}", "train: {rate: 1}", "trains: {lr: 1}", "[1]"])
def test_a_wrong_preset_changes_nothing(params: Path, tmp_path: Path, text: str) -> None:
    before, folder = params.read_bytes(), tmp_path / "presets"
    folder.mkdir()
    (folder / "wrong.yaml").write_text(text)
    with pytest.raises(UserError):
        presets.apply(params, ["wrong"], folder)
    assert params.read_bytes() == before
    presets.apply(params, ["models/vbpr"], ROOT / "presets")  # the same text is read again, as it was


def test_a_wrong_name_lists_the_presets(params: Path) -> None:
    with pytest.raises(UserError, match="models/bm3, models/bpr_mf"):
        presets.apply(params, ["vbpr"], ROOT / "presets")


@pytest.mark.parametrize("name", [name for name in FILES if name.startswith("models/")])
def test_the_preset_of_a_model_selects_it(params: Path, name: str) -> None:
    presets.apply(params, [name], ROOT / "presets")
    assert yaml.safe_load(params.read_text())["model"]["name"] == name.removeprefix("models/")


def test_a_preset_comes_after_those_that_it_includes(params: Path, tmp_path: Path) -> None:
    folder = tmp_path / "presets"
    folder.mkdir()
    (folder / "a.yaml").write_text("train: {lr: 0.5, batch: 7}")
    (folder / "b.yaml").write_text("presets: [a]\ntrain: {lr: 0.25}")
    assert presets.apply(params, ["b"], folder) == ["train.lr", "train.batch"]
    train = yaml.safe_load(params.read_text())["train"]
    assert (train["lr"], train["batch"]) == (0.25, 7)


def test_a_mapping_is_a_value_where_there_was_one(params: Path, tmp_path: Path) -> None:
    folder, files = tmp_path / "presets", {"train": "a.csv", "val": "b.csv", "test": "c.csv"}
    folder.mkdir()
    (folder / "a.yaml").write_text(yaml.safe_dump({"raw": {"files": {"interactions": files}}}))
    presets.apply(params, ["a"], folder)
    assert yaml.safe_load(params.read_text())["raw"]["files"]["interactions"] == files


def test_overrides_take_a_preset(params: Path) -> None:
    shutil.copytree(ROOT / "presets", params.parent / "presets")
    overrides.apply(params, ["preset=models/vbpr", "train.seed=7"])
    tree = yaml.safe_load(params.read_text())
    assert (tree["model"]["name"], tree["train"]["sampling"], tree["train"]["seed"]) == (
        "vbpr",
        "interactions",
        7,
    )
    assert overrides.grid(["preset=models/vbpr,models/ease"])[1] == ("ease", ["preset=models/ease"])


def test_a_later_preset_wins(params: Path) -> None:
    presets.apply(params, ["models/vbpr", "models/bm3"], ROOT / "presets")
    assert yaml.safe_load(params.read_text())["model"]["name"] == "bm3"
