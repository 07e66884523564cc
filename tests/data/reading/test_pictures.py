"""Pictures are found by listing a folder: one per item, and a reason for every other file."""

import os
from pathlib import Path

import pytest

from fusionrec.data.reading import pictures
from fusionrec.errors import UserError

EXTENSIONS = [".jpg", ".png", ".webp"]


def test_files_that_are_no_ones_are_refused_with_a_reason(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name in ("1.png", "1.jpg", "2.WebP", "3.gif", "9.jpg", ".DS_Store", "7.5.jpg"):
        (images / name).touch()
    (images / "4.jpg").mkdir()
    (tmp_path / "secret").touch()
    (images / "5.jpg").symlink_to(tmp_path / "secret")
    (images / "6.jpg").symlink_to(images / "1.jpg")
    (images / "8.jpg").symlink_to(images / "gone.jpg")
    (images / "loop.jpg").symlink_to(images / "loop.jpg")
    (images / os.fsdecode(b"\xff.jpg")).touch()
    listed = pictures.find(images, [*"12345678", "7.5"], EXTENSIONS)
    assert [name for name, _ in listed.blobs] == ["1.jpg", "2.WebP", "6.jpg", "7.5.jpg"]
    assert {file: reason for _, _, _, reason, file in listed.refused} == {
        "1.png": "second_picture", "3.gif": "unknown_suffix", "9.jpg": "unknown_item",
        ".DS_Store": "unknown_suffix", "4.jpg": "not_a_file", "5.jpg": "link_out_of_folder",
        "8.jpg": "broken_link", "loop.jpg": "broken_link", r"\udcff.jpg": "unreadable_name",
    }  # fmt: skip
    assert all(table == "pictures" and row is None for table, row, _, _, _ in listed.refused)


def test_a_file_that_vanished_is_named(tmp_path: Path) -> None:
    (tmp_path / "1.jpg").touch()
    listed = pictures.find(tmp_path, ["1"], EXTENSIONS)
    (tmp_path / "1.jpg").unlink()
    with pytest.raises(UserError, match=r"1\.jpg: cannot be read"):
        list(listed.blobs)


def test_no_folder(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be listed"):
        pictures.find(tmp_path / "gone", [], EXTENSIONS)


def test_files_under_other_names(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x")
    assert list(pictures.Blobs([tmp_path / "a"], ["1.jpg"])) == [("1.jpg", b"x")]


def test_a_huge_file_is_refused_by_its_size_and_never_read(tmp_path: Path) -> None:
    for name, size in [("17.jpg", 5 << 29), ("18.jpg", pictures.LARGEST + 1), ("19.jpg", pictures.LARGEST)]:
        with (tmp_path / name).open("wb") as file:
            file.truncate(size)  # sparse: it takes no space
    listed = pictures.find(tmp_path, ["17", "18", "19"], EXTENSIONS)
    assert listed.refused == [
        ("pictures", None, "17", "too_large", "17.jpg"),
        ("pictures", None, "18", "too_large", "18.jpg"),
    ]
    assert [path.name for path in listed.blobs.paths] == ["19.jpg"]  # type: ignore[attr-defined]
