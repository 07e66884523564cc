"""The layout that the MicroLens releases have."""

from pathlib import Path

import pytest

from fusionrec.data.sources import microlens

from .options import EXTENSIONS, own, rows

NAMES = {"interactions": "pairs.csv", "titles": "titles.csv", "images": "covers"}


@pytest.mark.parametrize("header", ["", "item,title\n", "Item,Title\n"])
def test_a_release(tmp_path: Path, header: str) -> None:
    (tmp_path / "pairs.csv").write_text(
        "user,item,timestamp\n36121,9580,1583378629552\n1,2,1583378629\n1,3,yesterday\n1,4,\n"
    )
    (tmp_path / "titles.csv").write_text(f'{header}9580,"Cats, and more"\n2,\n')
    (tmp_path / "covers").mkdir()
    (tmp_path / "covers/2.jpg").write_bytes(b"2")
    data = microlens.read(tmp_path, EXTENSIONS, own("microlens", **NAMES))
    assert rows(data.items) == {
        "row": [1, 2], "item_id": ["9580", "2"], "title": ["Cats, and more", None], "description": [None, None],
    }  # fmt: skip
    assert rows(data.interactions) == {
        "row": [1, 2, 3, 4], "user_id": ["36121", "1", "1", "1"], "item_id": ["9580", "2", "3", "4"],
        "timestamp": ["1583378629", "1583378629", "yesterday", None],
    }  # fmt: skip
    assert list(data.pictures) == [("2.jpg", b"2")]
