"""The layout that the PixelRec release has."""

from pathlib import Path

import pytest

from fusionrec.data.sources import pixelrec
from fusionrec.errors import UserError

from .options import EXTENSIONS, own, rows

NAMES = {"interactions": "log/Pixel200K.csv", "items": "items/Pixel200K.csv", "images": "cover"}
COUNTS = [f"{n}_number" for n in ("view", "comment", "thumbup", "share", "coin", "favorite", "barrage")]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    for folder in ("log", "items", "cover"):
        (tmp_path / folder).mkdir()
    (tmp_path / NAMES["items"]).write_text(
        f"item_id,{','.join(COUNTS)},title,tag,description\ni1,1.0,2,3,4,5,6,7,猫,Daily Life,\ni2,,,,,,,,b,,\n",
        encoding="utf-8",
    )
    (tmp_path / NAMES["interactions"]).write_text("item_id,user_id,timestamp\ni1,u9,1600000000\n")
    (tmp_path / "cover/i2.jpg").write_bytes(b"2")
    (tmp_path / "cover/i7.jpg").write_bytes(b"7")
    return tmp_path


def test_a_release(release: Path) -> None:
    data = pixelrec.read(release, EXTENSIONS, own("pixelrec", **NAMES))
    items = rows(data.items)
    assert items["item_id"] == ["i1", "i2"] and items["title"] == ["猫", "b"]
    assert items["category_tag"] == ["Daily Life", None] and items["description"] == [None, None]
    assert [items[f"number_{name}"][0] for name in COUNTS] == ["1.0", *"234567"]
    assert rows(data.interactions) == {
        "row": [1], "user_id": ["u9"], "item_id": ["i1"], "timestamp": ["1600000000"]
    }  # fmt: skip
    assert list(data.pictures) == [("i2.jpg", b"2")]
    assert data.rejected[["id", "reason"]].to_numpy().tolist() == [["i7", "unknown_item"]]


def test_without_pictures(release: Path) -> None:
    data = pixelrec.read(release, EXTENSIONS, own("pixelrec", **NAMES | {"images": None}))
    assert list(data.pictures) == [] and data.rejected.empty


def test_another_file(release: Path) -> None:
    with pytest.raises(UserError, match="no column 'item_id'"):
        (release / NAMES["items"]).write_text("a,b\n1,2\n")
        pixelrec.read(release, EXTENSIONS, own("pixelrec", **NAMES))
