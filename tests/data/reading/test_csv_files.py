"""CSV as strings: exact, read in growing blocks, with one clear error for a malformed file."""

import csv
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data.reading import csv_files
from fusionrec.data.reading.csv_files import Column, Dialect
from fusionrec.errors import UserError

from ..sources.options import rows

WANTED = {"x": Column("a", "raw.a"), "y": Column("b")}


def read(folder: Path, content: bytes, dialect: Dialect = csv_files.CSV) -> pd.DataFrame:
    path = folder / "t.csv"
    path.write_bytes(content)
    table, refused = csv_files.read(path, "items", WANTED, categories=["x"], dialect=dialect)
    assert refused == []
    return table


@pytest.mark.parametrize(
    ("content", "x", "y"),
    [
        (b"a,b\n1,2\n3,4\n", ["1", "3"], ["2", "4"]),
        (b"\xef\xbb\xbfa,b\n1,2\n", ["1"], ["2"]),
        (b"b,c,a\r\n 01 ,\xff,1.50\r\n", ["1.50"], [" 01 "]),  # what is not wanted may be anything
        (b"a,b\r1,2\r3,4", ["1", "3"], ["2", "4"]),
        (b'a,b\n"",\n"x","x\ny""z"\n', [None, "x"], [None, 'x\ny"z']),
        (b"a,b\nNaN,null\nNone,NA\n", ["NaN", "None"], ["null", "NA"]),
        (b'a,b\n1,5" nails\n', ["1"], ['5" nails']),
        (b"a,b\n1,\x00\n\n2,\xe7\x8c\xab\n", ["1", "2"], ["\0", "猫"]),
        (b"a,b,c,c\n1,2,3,4\n", ["1"], ["2"]),  # doubled, but not wanted
    ],
)
def test_values(tmp_path: Path, content: bytes, x: list[str | None], y: list[str | None]) -> None:
    assert rows(read(tmp_path, content)) == {"row": list(range(1, len(x) + 1)), "x": x, "y": y}


def test_kinds(tmp_path: Path) -> None:
    table = read(tmp_path, b"a,b\n1,2\n,4\n1,6\n")
    assert table["row"].dtype == np.int64 and table["y"].dtype == "str"
    assert table["x"].cat.categories.tolist() == ["1"] and table["x"].cat.codes.tolist() == [0, -1, 0]


def test_categories_are_one_set_over_all_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_files, "BLOCKS", [64])
    values = [str(i % 7) for i in range(200)]
    table = read(tmp_path, ("a,b\n" + "".join(f"{v},{v}\n" for v in values)).encode())
    assert table["x"].astype("str").tolist() == values == table["y"].tolist()
    assert table["x"].cat.categories.tolist() == list("0123456")


def test_blocks_grow_with_the_longest_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    long = b"a,b\n1," + b"z" * 1000 + b"\n2,3\n"
    monkeypatch.setattr(csv_files, "BLOCKS", [64, 4096])
    assert read(tmp_path, long)["y"].str.len().tolist() == [1000, 1]
    monkeypatch.setattr(csv_files, "BLOCKS", [64])
    with pytest.raises(UserError, match=r"t\.csv: a row is longer"):
        read(tmp_path, long)


def test_other_dialects(tmp_path: Path) -> None:
    dialect = Dialect("|", quoted=False, encoding="latin-1", header=["a", "b"])
    assert rows(read(tmp_path, b'1|caf\xe9 "\n2|"x\n', dialect)) == {
        "row": [1, 2], "x": ["1", "2"], "y": ['café "', '"x'],
    }  # fmt: skip
    with pytest.raises(UserError, match=r"row 2: 3 values instead of 2 in '2\|x\|y'.*contain '\|'"):
        read(tmp_path, b"1|x\n2|x|y\n", dialect)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"z,b\n1,2\n", r"t\.csv: no column 'a'; set raw\.a to one of: 'z', 'b'"),
        (b"a,z\n1,2\n", r"no column 'b'; the header has: 'a', 'z'"),
        (b"a,a,b\n1,1,2\n", "more than one column 'a'"),
        (b"a,b\n1,2\n3\n", r"t\.csv, row 2 below the header: 1 values instead of 2 in '3'"),
        (b"a,b\n1,2\n3,4,5\n", r"row 2 below the header: 3 values instead of 2 in '3,4,5'.*contain ','"),
        (b"a,b\n1,2\n3,caf\xe9\n", r"t\.csv, line 3: not UTF-8"),
        ("\ufeffa,b".encode("utf-16"), "line 1: not UTF-8"),
        (b"", r"t\.csv: empty"),
        (b"\n", r"t\.csv: empty"),
        (b"a,b\n", r"t\.csv: no rows"),
        (b'a,b\n1,2\n3,"4\n5,6\n', r"t\.csv, line 3: a quote is opened"),
        (b'a,b\n1,2\n3,"' + b"4" * 200_000, r"t\.csv, line 3: a quote is opened"),
        (b'"a' + b"a" * 200_000 + b'",b\n1,2\n', r"t\.csv: cannot be read: field larger"),
    ],
)
def test_malformed_files(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(tmp_path, content)


def test_a_folder_and_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UserError, match="cannot be read"):
            csv_files.read(path, "items", WANTED)


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.lists(st.tuples(TEXT, TEXT.filter(bool)), min_size=1, max_size=6))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[tuple[str, str]]
) -> None:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *values])
    table = rows(read(tmp_path_factory.mktemp("t"), buffer.getvalue().encode()))
    assert list(zip(table["x"], table["y"], strict=True)) == [(x or None, y) for x, y in values]


def test_a_header_is_read_with_the_delimiter_and_the_quoting_of_the_file(tmp_path: Path) -> None:
    tabs = Dialect("\t", quoted=False)
    table = read(tmp_path, b'a\tb\n1,5\t"2\n', tabs)
    assert (table["x"].tolist(), table["y"].tolist()) == (["1,5"], ['"2'])
    (tmp_path / "t.csv").write_bytes(b'"a\tb,c\n')
    assert csv_files.header(tmp_path / "t.csv", tabs) == ['"a', "b,c"]
