"""Amazon Reviews of both editions: their keys, their peculiarities, and bad lines."""

import gzip
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from fusionrec.data.reading import download
from fusionrec.data.reading.dataset import SEPARATOR, Dataset
from fusionrec.data.reading.jsonl import RefusedLine
from fusionrec.data.reading.pictures import Pictures
from fusionrec.data.sources import amazon

from .options import EXTENSIONS, own, rows

REVIEW_2018 = {
    "overall": 5.0, "verified": True, "reviewerID": "A1", "asin": "B1", "reviewText": "…",
    "unixReviewTime": 1514764800,
}  # fmt: skip
REVIEW_2023 = {
    "rating": 4.0, "title": "ok", "images": [], "asin": "B1a", "parent_asin": "B1", "user_id": "AE2",
    "timestamp": 1588687728923, "helpful_vote": 0,
}  # fmt: skip
ITEM_2018 = {
    "asin": "B1", "title": "Soap", "description": ["Clean.", "", "Green."], "feature": ["Lathers"],
    "category": ["Beauty", "Bath & Body"], "brand": "Acme", "price": "$1,299.00", "main_cat": "All Beauty",
    "imageURL": ["http://x/40.jpg"], "imageURLHighRes": ["http://x/1.jpg", "http://x/2.jpg"],
}  # fmt: skip
ITEM_2023 = {
    "parent_asin": "B1", "title": "Soap", "description": ["Clean."], "features": ["Lathers", "Floats"],
    "categories": ["Beauty", "Bath"], "main_category": "All Beauty", "store": "Acme", "price": 12.5,
    "average_rating": 4.8, "rating_number": 10,
    "images": [{"thumb": "http://x/t.jpg", "large": "http://x/l.jpg", "hi_res": "http://x/h.jpg"}],
}  # fmt: skip


def test_a_review() -> None:
    assert amazon.parse_review(REVIEW_2018) == ["A1", "B1", "1514764800", "5.0"]
    assert amazon.parse_review(REVIEW_2023) == ["AE2", "B1", "1588687728", "4.0"]


def test_an_item() -> None:
    assert amazon.parse_item(ITEM_2018) == [
        "B1", "Soap", "Clean.\nGreen.\nLathers", f"Beauty{SEPARATOR}Bath & Body", "All Beauty", "Acme",
        "$1,299.00", "http://x/1.jpg",
    ]  # fmt: skip
    assert amazon.parse_item(ITEM_2023) == [
        "B1", "Soap", "Clean.\nLathers\nFloats", f"Beauty{SEPARATOR}Bath", "All Beauty", "Acme", "12.5",
        "http://x/l.jpg",
    ]  # fmt: skip


@pytest.mark.parametrize("key", ["asin", "parent_asin"])
def test_an_item_that_is_nothing_but_an_id(key: str) -> None:
    assert amazon.parse_item({key: "B1"}) == ["B1"] + [None] * 7
    empty: Any = {
        "title": "",
        "description": [],
        "categories": None,
        "price": None,
        "images": [],
        "brand": "",
    }
    assert amazon.parse_item({key: "B1"} | empty) == ["B1"] + [None] * 7


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"reviewerID": 7}, "bad_reviewerID"),
        ({"reviewerID": None}, "bad_reviewerID"),
        ({"asin": ["B1"]}, "bad_asin"),
        ({"unixReviewTime": "2018"}, "bad_unixReviewTime"),
        ({"unixReviewTime": 1e300}, "bad_unixReviewTime"),
        ({"unixReviewTime": True}, "bad_unixReviewTime"),
        ({"overall": "5"}, "bad_overall"),
        ({"overall": False}, "bad_overall"),
        ({"parent_asin": None}, "missing_timestamp"),
    ],
)
def test_a_review_of_wrong_types(change: dict[str, Any], reason: str) -> None:
    with pytest.raises(RefusedLine) as problem:
        amazon.parse_review(REVIEW_2018 | change)
    assert problem.value.reason == reason


@pytest.mark.parametrize("key", ["reviewerID", "asin", "unixReviewTime", "overall"])
def test_a_review_that_lacks_a_key(key: str) -> None:
    with pytest.raises(RefusedLine, match=f"missing_{key}"):
        amazon.parse_review({name: value for name, value in REVIEW_2018.items() if name != key})


@pytest.mark.parametrize(
    "change",
    [{"title": ["a"]}, {"title": {}}, {"description": {"a": "b"}}, {"description": [1]}, {"categories": 3},
     {"price": True}, {"store": [[]]}, {"parent_asin": 1}],
)  # fmt: skip
def test_an_item_of_wrong_types(change: dict[str, Any]) -> None:
    with pytest.raises(RefusedLine, match=f"bad_{next(iter(change))}"):
        amazon.parse_item(ITEM_2023 | change)


@pytest.mark.parametrize(
    ("images", "url"),
    [
        ([{"large": None, "hi_res": "h"}], "h"),
        ([{"large": 3}, "x", {"large": "l"}], "l"),
        ([[]], None),
        ({"large": ["l"]}, None),
        (None, None),
    ],
)
def test_addresses(images: Any, url: str | None) -> None:
    assert amazon.parse_item(ITEM_2023 | {"images": images})[-1] == url


def write(folder: Path, reviews: list[Any], items: list[Any]) -> None:
    lines = {"reviews": reviews, "meta": items}
    for name, records in lines.items():
        text = "".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in records)
        (folder / f"{name}.jsonl.gz").write_bytes(gzip.compress(text.encode()))


def read(folder: Path, **options: Any) -> Dataset:
    names = {"reviews": "reviews.jsonl.gz", "metadata": "meta.jsonl.gz", "pictures": "none"}
    return amazon.read(folder, EXTENSIONS, own("amazon", **names | options))


def test_files_with_bad_lines(tmp_path: Path) -> None:
    write(
        tmp_path,
        [REVIEW_2023, "{", REVIEW_2023 | {"user_id": 1}, REVIEW_2023 | {"user_id": "AE3"}],
        [ITEM_2023, [], ITEM_2023 | {"parent_asin": "B2", "price": None}],
    )
    data = read(tmp_path)
    assert rows(data.interactions) == {
        "row": [1, 4], "user_id": ["AE2", "AE3"], "item_id": ["B1", "B1"], "timestamp": ["1588687728"] * 2,
        "rating": ["4.0", "4.0"],
    }  # fmt: skip
    assert list(data.items) == ["row", *amazon.ITEMS] and data.items["number_price"].tolist()[0] == "12.5"
    assert data.rejected[["table", "row", "reason"]].to_numpy().tolist() == [
        ["items", 2, "not_an_object"], ["interactions", 2, "not_json"], ["interactions", 3, "bad_user_id"],
    ]  # fmt: skip
    assert list(data.pictures) == []


def test_prices(tmp_path: Path) -> None:
    prices = {
        "$1,299.00": "1299.00", "$5.00 - $9.99": "5.00", "from 14.99": "14.99", "7": "7", "": None, "None": None,
        ".a-box{width:1}": None, "—": None, "$1 off $20": None, "-5": None,
    }  # fmt: skip
    items = [ITEM_2018 | {"asin": f"B{i}", "price": price} for i, price in enumerate(prices)]
    write(tmp_path, [REVIEW_2018], items)
    data = read(tmp_path)
    assert rows(data.items)["number_price"] == list(prices.values())
    assert data.rejected[["table", "row", "id", "reason", "value"]].to_numpy().tolist() == [
        ["prices", 7, "B6", "no_price", ".a-box{width:1}"], ["prices", 8, "B7", "no_price", "—"],
        ["prices", 9, "B8", "no_price", "$1 off $20"], ["prices", 10, "B9", "no_price", "-5"],
    ]  # fmt: skip


def test_pictures_of_a_folder(tmp_path: Path) -> None:
    write(tmp_path, [REVIEW_2018], [ITEM_2018])
    (tmp_path / "images").mkdir()
    (tmp_path / "images/B1.jpg").write_bytes(b"1")
    assert list(read(tmp_path, pictures="folder").pictures) == [("B1.jpg", b"1")]


def test_pictures_by_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, str] = {}

    def fetch(urls: dict[str, str], *_: Any) -> Pictures:
        asked.update(urls)
        return Pictures([("B1.jpg", b"1")], [("pictures", None, "B2", "http_404", urls["B2"])])

    monkeypatch.setattr(download, "fetch", fetch)
    second = ITEM_2018 | {"asin": "B2", "imageURLHighRes": []}
    again = ITEM_2018 | {"imageURLHighRes": ["http://x/9.jpg"]}
    bare = {"asin": "B3"}
    write(tmp_path, [REVIEW_2018], [ITEM_2018, second, again, bare])
    data = read(tmp_path, pictures="urls")
    assert asked == {"B1": "http://x/1.jpg", "B2": "http://x/40.jpg"}
    assert list(data.pictures) == [("B1.jpg", b"1")]
    assert data.rejected["reason"].tolist() == ["http_404"] and isinstance(data.rejected, pd.DataFrame)
