"""The manifest: which pictures are the same, and that every one is counted."""

import pandas as pd
import pytest

from fusionrec import files
from fusionrec.data import images, manifest
from fusionrec.data.reading.dataset import rejections

FAR = "f0f0f0f0f0f0f0f0"


RED, BLUE = "5af0" * 16, "f06e" * 16


def ok(sha256: str, phash: str | None, encoded: bool = False, colour: str = RED) -> manifest.Row:
    picture = images.Picture(b"x", None, "jpeg", 90, 80, sha256, phash, colour, encoded)
    return manifest.row(
        images.Checked("any", picture, 200, False), files.Member("00000.tar", 512, 100, sha256)
    )


def rejected(reason: str, wrong_extension: bool = False) -> manifest.Row:
    checked = images.Checked("any", images.Picture(None, reason), 50, wrong_extension)
    return manifest.row(checked, None)


ITEMS = [
    "z",
    "copy of z",
    "near z",
    "a",
    "nothing",
    "bad",
    "worse",
    "flat",
    "flat copy",
    "other flat",
    "far",
    "blue z",
]
ROWS = {
    "far": ok("s4", "000000000000ffff"),
    "z": ok("s1", FAR),
    "blue z": ok("s7", FAR, colour=BLUE),
    "copy of z": ok("s1", FAR),
    "near z": ok("s2", "f0f0f0f0f0f0f0f3", encoded=True),  # 2 bits off
    "a": ok("s3", "f0f0f0f0f0f0f033"),  # 4 bits off z, 2 off "near z"
    "bad": rejected("corrupt", wrong_extension=True),
    "worse": rejected("empty_file"),
    "flat": ok("s5", None),
    "flat copy": ok("s5", None),
    "other flat": ok("s6", None),
}


@pytest.fixture
def table() -> pd.DataFrame:
    return manifest.build(ITEMS, ROWS, near_distance=2, near_colour=0.25)


def links(table: pd.DataFrame, column: str) -> dict[str, str]:
    linked = table.dropna(subset=[column])
    return dict(zip(linked["item_id"], linked[column], strict=True))


def test_duplicates_name_the_first_item(table: pd.DataFrame) -> None:
    assert table["item_id"].tolist() == ITEMS
    assert links(table, "duplicate_of") == {"copy of z": "z", "flat copy": "flat"}
    assert links(table, "near_duplicate_of") == {
        "copy of z": "z",
        "near z": "z",
        "a": "z",  # through "near z"
        "flat copy": "flat",  # the same bytes, but no claim about "other flat"
    }


def test_the_order_of_rows_does_not_matter_but_that_of_items_does(table: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(table, manifest.build(ITEMS, dict(reversed(ROWS.items())), 2, 0.25))
    backwards = manifest.build(ITEMS[::-1], ROWS, 2, 0.25)
    assert links(backwards, "duplicate_of") == {"z": "copy of z", "flat": "flat copy"}
    assert set(links(backwards, "near_duplicate_of").values()) == {"a", "flat copy"}


def test_a_wider_distance_joins_no_flat_pictures() -> None:
    table = manifest.build(ITEMS, ROWS, near_distance=16, near_colour=0.25)
    assert "other flat" not in links(table, "near_duplicate_of")


def test_without_a_limit_on_colour_only_brightness_counts(table: pd.DataFrame) -> None:
    assert "blue z" not in links(table, "near_duplicate_of")
    grey = manifest.build(ITEMS, ROWS, near_distance=2, near_colour=None)
    assert links(grey, "near_duplicate_of")["blue z"] == "z"


def test_the_table_is_typed_even_if_empty() -> None:
    columns = manifest.build(ITEMS, ROWS, 2, 0.25).dtypes
    for items in ([], ["nothing"]):
        empty = manifest.build(items, {}, 2, 0.25)
        assert empty.dtypes.equals(columns)
        assert manifest.report(empty, 0, rejections([]))["missing"] == len(items)


def test_the_report_adds_up(table: pd.DataFrame) -> None:
    refused = rejections(
        [
            ("pictures", None, "q", "unknown_item", "q.jpg"),
            ("pictures", None, "r", "unknown_item", "r.jpg"),
            ("items", 1, "", "missing_id", ""),
        ]
    )
    assert manifest.report(table, 3, refused) == {
        "items": 12,
        "ok": 9,
        "missing": 1,
        "rejected_corrupt": 1,
        "rejected_empty_file": 1,
        "encoded": 1,
        "duplicates": 2,
        "near_duplicates": 4,
        "near_duplicate_groups": 2,
        "largest_near_duplicate_group": 4,
        "featureless": 3,
        "wrong_extension": 1,
        "of_dropped_items": 3,
        "refused_unknown_item": 2,
        "raw_bytes": 9 * 200 + 2 * 50,
        "bytes": 9 * 100,
    }
