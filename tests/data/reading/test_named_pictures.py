"""Pictures that a column names: inside of the folder only, each with its reason where it is refused."""

from pathlib import Path

import pandas as pd
import pytest

from fusionrec.data.reading import named_pictures

EXTENSIONS = [".jpg", ".png"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "img/a/b").mkdir(parents=True)
    for name in ("img/1.jpg", "img/a/b/2.JPG", "img/spare.png", "secret.jpg"):
        (tmp_path / name).write_text(name)
    (tmp_path / "img/link.jpg").symlink_to(tmp_path / "secret.jpg")
    (tmp_path / "img/gone.jpg").symlink_to(tmp_path / "gone")
    (tmp_path / "img/folder.jpg").mkdir()
    return tmp_path / "img"


def items(*pairs: tuple[str | None, str | None]) -> pd.DataFrame:
    table = pd.DataFrame(pairs, columns=["item_id", "image"], dtype="str")
    return table.assign(row=range(1, len(pairs) + 1))


def test_items_get_the_files_that_they_name(folder: Path) -> None:
    named = items(
        ("z", "a/b/2.JPG"), ("y", "1.jpg"), ("x", "./1.jpg"), ("w", None), (None, "1.jpg"), ("z", "1.jpg")
    )
    listed = named_pictures.find(folder, named, EXTENSIONS)
    assert [*listed.blobs] == [("x.jpg", b"img/1.jpg"), ("y.jpg", b"img/1.jpg"), ("z.JPG", b"img/a/b/2.JPG")]
    assert listed.refused[0] == ("pictures", 6, "z", "second_picture", "1.jpg")
    assert {(row, reason, value) for _, row, _, reason, value in listed.refused[1:]} == {
        (None, "unknown_item", name) for name in ("gone.jpg", "link.jpg", "spare.png")
    }


@pytest.mark.parametrize(
    ("value", "reason"),
    [("../secret.jpg", "path_out_of_folder"), ("a/../1.jpg", "path_out_of_folder"),
     ("a\\..\\1.jpg", "path_out_of_folder"),
     ("/etc/1.jpg", "absolute_path"), ("C:/1.jpg", "absolute_path"), ("~/1.jpg", "absolute_path"),
     ("https://example.org/1.jpg", "address_and_no_file"), ("//example.org/1.jpg", "address_and_no_file"),
     ("file:///etc/1.jpg", "address_and_no_file"), ("1.jpg\0", "unreadable_name"), ("1.gif", "unknown_suffix"),
     ("2.jpg", "missing_file"), ("x" * 300 + ".jpg", "missing_file"), ("1.jpg/2.jpg", "missing_file"),
     ("link.jpg", "link_out_of_folder"), ("gone.jpg", "broken_link"), ("folder.jpg", "not_a_file")],
)  # fmt: skip
def test_other_paths_are_refused_with_their_reason(folder: Path, value: str, reason: str) -> None:
    listed = named_pictures.find(folder, items(("x", value)), EXTENSIONS)
    assert [*listed.blobs] == [] and [each[3] for each in listed.refused if each[1]] == [reason]


def test_a_link_to_a_folder_outside_is_not_followed(folder: Path) -> None:
    (folder / "out").symlink_to(folder.parent)
    listed = named_pictures.find(folder, items(("x", "out/secret.jpg")), EXTENSIONS)
    assert [*listed.blobs] == [] and listed.refused[0][3] == "link_out_of_folder"


def test_an_id_that_is_no_file_name(folder: Path) -> None:
    listed = named_pictures.find(folder, items(("a/b", "1.jpg")), EXTENSIONS)
    assert [*listed.blobs] == [] and listed.refused[0][3] == "item_id_is_no_file_name"
