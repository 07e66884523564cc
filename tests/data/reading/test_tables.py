"""Tables in all formats: the same rows come out of CSV, JSON lines and Parquet, gzipped or not."""

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from fusionrec.data.reading import tables
from fusionrec.data.reading.csv_files import Column
from fusionrec.data.reading.tables import Format
from fusionrec.errors import UserError

PLAIN = Format(delimiter=",", encoding="utf-8", decimal=".", time=None)
WANTED = {
    "item_id": Column("id", "raw.files.columns.item"),
    "title": Column("name"),
    "category_tag": Column("tag"),
}
ROWS = [("7", "Café, 5€", "a|b"), ("8", None, None), ("9", "x\ny", "c")]


def read(path: Path, form: Format = PLAIN, wanted: dict[str, Column] = WANTED) -> list[tuple[Any, ...]]:
    table = tables.read(path, "items", wanted, form).table.astype(object)
    assert table.pop("row").tolist() == list(range(1, len(table) + 1))
    return list(table.where(table.notna(), None).itertuples(index=False, name=None))


def text(delimiter: str = ",", quote: str = '"') -> str:
    lines = [
        ["id", "other", "name", "tag"],
        *([item, "0", name or "", tag or ""] for item, name, tag in ROWS),
    ]
    return "\n".join(
        delimiter.join(f"{quote}{value}{quote}" if value else "" for value in line) for line in lines
    )


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize(
    ("name", "form"),
    [("t.csv", {}), ("t.TSV", {"delimiter": "\t"}), ("t.csv", {"delimiter": ";", "encoding": "windows-1252"}),
     ("t.txt", {"delimiter": "|", "encoding": "utf-16"}), ("t.csv", {"encoding": "utf-8-sig"}),
     ("t.csv", {"delimiter": ";", "encoding": "iso8859-15"})],
)  # fmt: skip
def test_delimited_text(tmp_path: Path, name: str, form: dict[str, str], zipped: bool) -> None:
    chosen = PLAIN.model_copy(update=form)
    written = text(chosen.delimiter).encode(chosen.encoding)
    path = tmp_path / (name + ".gz" * zipped)
    path.write_bytes(gzip.compress(written) if zipped else written)
    assert read(path, chosen) == ROWS
    assert tables.header(path, chosen) == ["id", "other", "name", "tag"]


@pytest.mark.parametrize("name", ["t.jsonl", "t.ndjson.gz", "t.json"])
def test_json_lines(tmp_path: Path, name: str) -> None:
    lines = [
        {"id": 7, "name": ["Café,", "5€"], "tag": "a|b", "more": {"x": 1}},
        {"id": "8", "name": None, "tag": ""},
        {"id": True, "tag": ["c", "d"], "name": 1.5},
    ]
    written = "\n".join(map(json.dumps, lines)).encode()
    path = tmp_path / name
    path.write_bytes(gzip.compress(written) if name.endswith(".gz") else written)
    assert read(path) == [("7", "Café, 5€", "a|b"), ("8", None, None), ("true", "1.5", '["c", "d"]')]
    assert tables.header(path, PLAIN) == ["id", "name", "tag", "more"]


def test_json_lines_that_cannot_be_used(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text('{"id": 1, "name": {"en": "x"}, "tag": null}\n{"id": 2, "name": "a", "tag": []}\n[]\n')
    found = tables.read(path, "items", WANTED, PLAIN)
    assert found.table["item_id"].tolist() == ["2"] and found.table["row"].tolist() == [2]
    assert [(row, reason) for _, row, _, reason, _ in found.refused] == [
        (1, "nested_value"),
        (3, "not_an_object"),
    ]
    path.write_text('[{"id": 1}, {"id": 2}]')
    with pytest.raises(UserError, match=r"t\.jsonl: a JSON array; write each object on a line of its own"):
        read(path)


def write(path: Path, **columns: pa.Array) -> Path:
    parquet.write_table(pa.table(columns), path)
    return path


def test_parquet(tmp_path: Path) -> None:
    path = write(
        tmp_path / "t.parquet",
        id=pa.array([7, 8, None], pa.float64()), other=pa.array([b"x", b"y", b"z"]),
        name=pa.array(["a", "", None]).dictionary_encode(), tag=pa.array([["a", "b"], [], None]),
        when=pa.array([datetime(2020, 1, 2, 3, 4, 5), None, None], pa.timestamp("ns")),
        local=pa.array([datetime(2020, 1, 2, 3, 4, 5)] * 3, pa.timestamp("ms", "UTC")),
        day=pa.array([1, None, 2], pa.date32()), price=pa.array([1.5, 2, float("nan")]), seen=pa.array([True] * 3),
    )  # fmt: skip
    assert read(path) == [("7", "a", '["a", "b"]'), ("8", None, "[]"), (None, None, None)]
    others = {name: Column(name) for name in ("when", "local", "day", "price", "seen")}
    assert read(path, wanted=others)[0] == (
        "2020-01-02T03:04:05.000000", "2020-01-02T03:04:05.000000+0000", "1970-01-02", "1.5", "true",
    )  # fmt: skip
    assert read(path, wanted=others)[2][3] is None
    with pytest.raises(UserError, match=r"t\.parquet: column 'other' holds binary; it needs texts, numbers"):
        read(path, wanted={"title": Column("other")})


def test_parquet_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    path.write_bytes(b"PAR1 is not enough")
    with pytest.raises(UserError, match=r"t\.parquet: not readable as Parquet"):
        read(path)
    write(path, id=pa.array([], pa.string()), name=pa.array([], pa.string()), tag=pa.array([], pa.string()))
    with pytest.raises(UserError, match=r"t\.parquet: no rows"):
        read(path)


@pytest.mark.parametrize("name", ["t.csv", "t.jsonl", "t.parquet"])
def test_a_missing_column_names_the_parameter(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    frame = pd.DataFrame({"key": ["1"], "name": ["x"], "tag": ["y"]})
    if name.endswith("csv"):
        frame.to_csv(path, index=False)
    elif name.endswith("jsonl"):
        frame.to_json(path, orient="records", lines=True)
    else:
        frame.to_parquet(path)
    with pytest.raises(
        UserError, match=r"no column 'id'; set raw\.files\.columns\.item to one of: 'key', 'name', 'tag'"
    ):
        read(path)


def test_an_unknown_ending_and_a_damaged_archive(tmp_path: Path) -> None:
    (tmp_path / "t.xlsx").write_bytes(b"PK")
    with pytest.raises(UserError, match=r"t\.xlsx: the format is not known; names end in \.csv, "):
        read(tmp_path / "t.xlsx")
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(text().encode() * 999)[:-20])
    with pytest.raises(UserError, match=r"t\.csv\.gz: the gzip archive is damaged"):
        read(tmp_path / "t.csv.gz")
    (tmp_path / "t.csv").write_bytes(b"id,name,tag\n1,\x81,x\n")
    with pytest.raises(UserError, match=r"t\.csv, line 2: not WINDOWS-1252; save"):
        read(tmp_path / "t.csv", PLAIN.model_copy(update={"encoding": "windows-1252"}))


def test_a_quote_that_swallows_rows_is_found_in_every_encoding(tmp_path: Path) -> None:
    lines = ["id;name;tag", '1;"ä;x', "2;b;y", '3;c";z', "4;d;w"]
    for encoding in ("utf-8", "windows-1252", "utf-16"):
        path = tmp_path / "t.csv"
        path.write_bytes("\n".join(lines).encode(encoding))
        found = tables.read(
            path, "items", WANTED, PLAIN.model_copy(update={"delimiter": ";", "encoding": encoding})
        )
        assert found.table["item_id"].tolist() == ["4"]
        assert [value for *_, value in found.refused] == [f"line {n}: {lines[n - 1]}" for n in (2, 3, 4)]


@pytest.mark.parametrize(
    ("name", "value"), [("delimiter", ";;"), ("encoding", "klingon"), ("decimal", "x"), ("time", "seconds")]
)
def test_a_wrong_format_is_refused(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=name):
        Format.model_validate(PLAIN.model_dump() | {name: value})
