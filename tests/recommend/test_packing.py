"""Packed models: they answer as the folders that they were made from, and refuse every change."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

import fusionrec.api
from fusionrec import checksums, files
from fusionrec.api import FusionRec
from fusionrec.cli import pack as command
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.recommend import gallery, packing

from . import shop


@pytest.fixture(scope="module")
def packed(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packed") / "shop"
    packing.pack(out, built / "model", built / "splits", built / "images")
    return out


@pytest.fixture
def copied(packed: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(packed, tmp_path / "copied"))


def test_a_copy_answers_as_the_model_does(copied: Path, open_shop: FusionRec) -> None:
    alone = fusionrec.api.load(copied)
    users = ["u3", "u0", "twin"]
    given = {"twin": ["i06", "i07"]}
    for arguments in ({}, {"category_limits": {"genres": 1}}, {"exclude": ["i05"], "filter_seen": False}):
        theirs = alone.recommend(users, 6, histories=given, **arguments)
        assert theirs.equals(open_shop.recommend(users, 6, histories=given, **arguments))
    assert alone.similar_items(["i05"], by="vision").equals(open_shop.similar_items(["i05"], by="vision"))
    new = {"title": "a red boat", "users": ["u1", "u2"]}
    theirs = alone.score_new_item(shop.picture(0), **new)  # type: ignore[arg-type]
    assert theirs.equals(open_shop.score_new_item(shop.picture(0), **new))  # type: ignore[arg-type]


def test_vectors_stay_in_the_files(copied: Path) -> None:
    towers = packing.load(copied, torch.device("cpu")).model.towers
    mapped = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(copied) in line]
    assert any("towers.safetensors" in line for line in mapped)
    low_high = [line.split()[0].split("-") for line in mapped if "towers" in line]
    place = towers.candidates.data_ptr()
    assert any(int(low, 16) <= place < int(high, 16) for low, high in low_high)


def test_pictures_are_thumbnails_of_the_catalogue(packed: Path) -> None:
    manifest = files.read_table(packed / packing.PICTURES / "manifest.parquet")
    assert (manifest["bytes"] > 0).tolist() == [item != shop.WITHOUT_PICTURE for item in range(shop.ITEMS)]
    (blob,) = files.read_members(packed / packing.PICTURES, files.members(manifest.iloc[[5]]))
    assert blob == gallery.thumbnail(shop.picture(5))


def written_anew(folder: Path, text: str) -> None:
    """Write pack.json, with its hash."""
    (folder / "pack.json").write_text(text)
    checksums.write(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda folder: (folder / "catalogue/items.parquet").unlink(), r"items\.parquet: not found"),
        (lambda folder: (folder / "catalogue/more").write_text("x"), "more: not listed in SHA256SUMS"),
        (lambda folder: (folder / "config.json").write_text("{}"), r"config\.json: damaged"),
        (lambda folder: (folder / "pack.json").write_text("{"), r"pack\.json: damaged"),
        (lambda folder: (folder / "catalogue/SHA256SUMS").unlink(), "has no SHA256SUMS"),
        (lambda folder: written_anew(folder, "{"), "pack.json is not JSON"),
        (lambda folder: written_anew(folder, "[]"), "schema None, known is 1; upgrade fusionrec"),
        (lambda folder: written_anew(folder, '{"schema": 2}'), "upgrade fusionrec"),
    ],
)
def test_changed_folders_are_refused(copied: Path, change, message: str) -> None:  # type: ignore[no-untyped-def]
    change(copied)
    with pytest.raises(UserError, match=message):
        fusionrec.api.load(copied)


def test_its_name_changes_with_any_of_its_files(packed: Path, copied: Path) -> None:
    assert packing.name(copied) == packing.name(packed)
    names = {packing.name(packed)}
    for changed in ("metrics.json", "catalogue/items.parquet"):
        (copied / changed).write_bytes(b"other")
        checksums.write(copied)
        names.add(packing.name(copied))
    assert len(names) == 3


def test_histories_that_do_not_fit_are_refused(copied: Path) -> None:
    split = packing.load(copied, torch.device("cpu")).split
    packing._write_split(
        copied / "catalogue", split._replace(past=Histories(np.array([0, 1]), np.array([0])))
    )
    checksums.write(copied)
    with pytest.raises(UserError, match="does not fit the ids"):
        fusionrec.api.load(copied)


def test_nothing_but_a_packed_model_is_replaced(
    built: Path, copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/file").write_text("x")
    arguments = ["--model", str(built / "model"), "--splits", str(built / "splits"), "--without-pictures"]
    with pytest.raises(UserError, match="is not a packed model"):
        command.main([str(tmp_path / "mine"), *arguments])
    command.main([str(copied), *arguments])
    assert "fusionrec serve" in capsys.readouterr().out
    assert not (copied / packing.PICTURES).exists() and files.read_json(copied / "pack.json")["schema"] == 1
    with pytest.raises(UserError, match="dvc repro images"):
        packing.pack(tmp_path / "new", built / "model", built / "splits", tmp_path)
    assert not (tmp_path / "new").exists()
