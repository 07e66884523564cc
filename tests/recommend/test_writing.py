from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from fusionrec.errors import UserError
from fusionrec.recommend import writing
from fusionrec.recommend.engine import SCHEMA

ROWS = [
    ("a", 1, "x", 'T, "x"', 2.5, "history"),
    ("a", 2, "y", "", 1.25, "history"),
    ("b", 1, "y", "é", 7.0, "popularity"),
]
FRAME = pd.DataFrame(ROWS, columns=SCHEMA.names)
WHOLE = pa.Table.from_pandas(FRAME, SCHEMA, preserve_index=False)
PARTS = [WHOLE[:2], WHOLE[2:2], WHOLE[2:]]


def test_parquet_has_a_row_group_a_table(tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    assert writing.write(str(path), iter(PARTS)) == 3
    assert parquet.read_table(path).equals(WHOLE)
    assert parquet.ParquetFile(path).num_row_groups >= 2
    first = path.read_bytes()
    writing.write(str(path), iter(PARTS))
    assert path.read_bytes() == first
    assert writing.rows_of(path, ["b"])["item_id"].tolist() == ["y"]


def test_csv_says_the_same(tmp_path: Path) -> None:
    assert writing.write(str(tmp_path / "lists.csv"), iter(PARTS)) == 3
    read = pd.read_csv(tmp_path / "lists.csv", keep_default_na=False)
    assert read.values.tolist() == FRAME.values.tolist() and read.columns.tolist() == SCHEMA.names


def test_nothing_is_left_where_writing_fails(tmp_path: Path) -> None:
    def broken() -> "object":
        yield WHOLE
        raise ValueError

    for name in ("lists.parquet", "lists.csv"):
        with pytest.raises(ValueError):
            writing.write(str(tmp_path / name), broken())  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["lists.parquet", "lists.csv", "lists.html"])
def test_the_ending_says_the_format(name: str) -> None:
    writing.check(name)
    with pytest.raises(UserError, match=r"lists\.txt must end in \.parquet, \.csv or \.html"):
        writing.check("lists.txt")


def test_a_page_is_bounded() -> None:
    assert writing.gathered(iter(PARTS), 2).equals(WHOLE.to_pandas())
    assert writing.gathered(iter([]), 0).columns.tolist() == SCHEMA.names
    with pytest.raises(UserError, match="at most 500"):
        writing.gathered(iter(PARTS), 501)


def test_records_are_grouped_by_user() -> None:
    found = writing.records(FRAME)
    assert list(found) == ["a", "b"] and [r["item_id"] for r in found["a"]] == ["x", "y"]
    assert found["b"] == [{"rank": 1, "item_id": "y", "title": "é", "score": 7.0, "basis": "popularity"}]
