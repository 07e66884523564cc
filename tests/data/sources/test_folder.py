"""One's own files: columns are mapped, values stay strings, pictures are listed, errors say where."""

from pathlib import Path
from typing import Any

import pytest

from fusionrec import params
from fusionrec.data.sources import folder
from fusionrec.errors import UserError

ITEMS = 'item_id,title,description,genres,year\n01,One,,A|B,1999\n2,Two,"x,\ny",A,NA\n'
LOG = "user_id,item_id,timestamp,rating\nu,01,5,4\nv,2,2020-01-01,\n"
COLUMNS: dict[str, Any] = {
    "item": "item_id", "title": "title", "description": "description", "categories": ["genres"],
    "numbers": ["year"], "user": "user_id", "timestamp": "timestamp", "rating": "rating",
}  # fmt: skip


def options(**columns: Any) -> params.Files:
    mapped = params.Columns(**COLUMNS | columns)
    return params.Files(items="items.csv", interactions="interactions.csv", images="images", columns=mapped)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    (root / "items.csv").write_text(ITEMS, encoding="utf-8")
    (root / "interactions.csv").write_text(LOG, encoding="utf-8")
    for name in ("2.PNG", "01.jpg"):
        (root / "images" / name).write_bytes(name.encode())
    return root


def test_values_are_strings_as_written_and_null_where_there_is_nothing(data: Path) -> None:
    found = folder.read(data, options())
    assert found.items.astype(object).where(found.items.notna(), None).to_dict("list") == {
        "row": [1, 2], "item_id": ["01", "2"], "title": ["One", "Two"], "description": [None, "x,\ny"],
        "category_genres": ["A|B", "A"], "number_year": ["1999", "NA"],
    }  # fmt: skip
    assert found.interactions["timestamp"].tolist() == ["5", "2020-01-01"]
    assert found.interactions["rating"].isna().tolist() == [False, True]
    assert list(found.pictures) == [("01.jpg", b"01.jpg"), ("2.PNG", b"2.PNG")] and found.rejected.empty


def test_a_byte_order_mark_is_no_part_of_the_header(data: Path) -> None:
    (data / "items.csv").write_text(ITEMS, encoding="utf-8-sig")
    assert folder.read(data, options()).items["item_id"].tolist() == ["01", "2"]


def test_columns_that_are_switched_off(data: Path) -> None:
    found = folder.read(data, options(title=None, description=None, rating=None, categories=[], numbers=[]))
    assert list(found.items) == ["row", "item_id", "title", "description"]
    assert found.items["title"].isna().all() and "rating" not in found.interactions


def test_the_pixelrec_layout(data: Path) -> None:
    counts = [
        f"{name}_number" for name in ("view", "comment", "thumbup", "share", "coin", "favorite", "barrage")
    ]
    (data / "items.csv").write_text(
        f"item_id,{','.join(counts)},title,tag,description\nv1,1,2,3,4,5,6,7,猫,动物,\n", encoding="utf-8"
    )
    (data / "interactions.csv").write_text("item_id,user_id,timestamp\nv1,9,1600000000\n", encoding="utf-8")
    found = folder.read(data, options(categories=["tag"], numbers=counts, rating=None))
    assert found.items.iloc[0]["title"] == "猫" and found.items.iloc[0]["category_tag"] == "动物"
    assert [found.items.iloc[0][f"number_{name}"] for name in counts] == list("1234567")
    assert found.interactions.iloc[0].to_dict() == {
        "row": 1, "user_id": "9", "item_id": "v1", "timestamp": "1600000000"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("items.csv", b"item_id,name,description,genres,year\n1,a,b,c,d\n",
         r"items\.csv: no column 'title'; set raw\.files\.columns\.title to one of: item_id, name"),
        ("items.csv", b"item_id,title,title,genres,year\n1,a,a,c,d\n", "more than one column 'title'"),
        ("items.csv", ITEMS.encode() + b"3,short\n", r"items\.csv, row 3 below .* instead of 5 in '3,short"),
        ("items.csv", ITEMS.encode() + b"3,a,b,c,1,long\n", r"row 3 below the header: 6 values"),
        ("items.csv", ITEMS.encode() + b"3,caf\xe9,,,\n", r"items\.csv, line 5: not UTF-8"),
        ("items.csv", "\ufeffitem".encode("utf-16"), "line 1: not UTF-8"),
        ("interactions.csv", b"", r"interactions\.csv: empty"),
        ("interactions.csv", b"user_id,item_id,timestamp,rating\n", r"interactions\.csv: no rows"),
    ],
)  # fmt: skip
def test_bad_files(data: Path, file: str, content: bytes, message: str) -> None:
    (data / file).write_bytes(content)
    with pytest.raises(UserError, match=message):
        folder.read(data, options())


def test_what_is_missing_is_named(data: Path) -> None:
    with pytest.raises(UserError, match=r"raw\.input"):
        folder.read(data / "nowhere", options())
    (data / "images").rename(data / "pictures")
    with pytest.raises(UserError, match=r"images: not found; set raw\.files\.images"):
        folder.read(data, options())
    (data / "images").touch()
    with pytest.raises(UserError, match=r"cannot be listed.*raw\.files\.images"):
        folder.read(data, options())


def test_files_outside_the_folder_are_refused(data: Path) -> None:
    (data.parent / "items.csv").write_text(ITEMS, encoding="utf-8")
    with pytest.raises(UserError, match="leads out of"):
        folder.read(data, options().model_copy(update={"items": "../items.csv"}))
    (data / "items.csv").unlink()
    (data / "items.csv").symlink_to(data.parent / "items.csv")
    with pytest.raises(UserError, match="leads out of"):
        folder.read(data, options())


def test_pictures_that_are_no_ones_are_refused_with_a_reason(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    for name in ("1.png", "1.jpg", "2.WebP", "3.gif", "9.jpg", ".DS_Store"):
        (images / name).touch()
    (images / "4.jpg").mkdir()
    (tmp_path / "secret").touch()
    (images / "5.jpg").symlink_to(tmp_path / "secret")
    (images / "6.jpg").symlink_to(images / "1.jpg")
    found, refused = folder.find_pictures(images, set("123456"))
    assert [path.name for path in found] == ["1.jpg", "2.WebP", "6.jpg"]
    assert dict(zip(refused["value"], refused["reason"], strict=True)) == {
        "1.png": "second_picture", "3.gif": "unknown_suffix", "9.jpg": "unknown_item",
        ".DS_Store": "unknown_suffix", "4.jpg": "not_a_file", "5.jpg": "link_out_of_folder",
    }  # fmt: skip


def test_real_posters() -> None:
    source = Path(__file__).resolve().parents[4] / "shared/data/movielens-100k-posters"
    if not source.is_dir():
        pytest.skip("needs the MovieLens posters in ../shared/data")
    found = folder.read(source, options())
    assert (len(found.items), len(found.interactions), found.rejected.empty) == (1438, 99097, True)
    assert found.items["description"].isna().sum() == 1
    assert next(iter(found.pictures))[0] == "1.jpg"
