"""JSON lines: a bad line does not stop the others, and each has a reason."""

import gzip
import json
import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusionrec.data.reading import csv_files, jsonl
from fusionrec.errors import UserError

from ..sources.options import rows


def parse(record: dict[str, Any]) -> list[str | None]:
    if "a" not in record:
        raise jsonl.RefusedLine("missing_a", value=", ".join(record))
    return [record["a"], record.get("b")]


def read(path: Path) -> csv_files.Lines:
    return jsonl.read(path, "things", ["a", "b"], parse, categories=["a"])


def write(folder: Path, *lines: bytes) -> Path:
    path = folder / "lines.jsonl"
    path.write_bytes(b"\n".join(lines))
    return path


GOOD = b'{"a": "x", "b": "\xe7\x8c\xab"}'


def test_lines_become_columns(tmp_path: Path) -> None:
    lines = read(write(tmp_path, b"\xef\xbb\xbf" + GOOD, b'{"a": "y"}', GOOD, b""))
    assert rows(lines.table) == {"row": [1, 2, 3], "a": ["x", "y", "x"], "b": ["猫", None, "猫"]}
    assert lines.table["row"].dtype == np.int64 and lines.table["b"].dtype == "str"
    assert lines.table["a"].cat.categories.tolist() == ["x", "y"] and lines.refused == []


@pytest.mark.parametrize(
    ("line", "reason", "value"),
    [
        (b'{"a": "x"', "not_json", '{"a": "x"'),
        (b"", "not_json", ""),
        (b"[1, 2]", "not_an_object", "[1, 2]"),
        (b'"a"', "not_an_object", '"a"'),
        (b"null", "not_an_object", "null"),
        (b'{"b": "x"}', "missing_a", "b"),
        (b'{"a": "x", "n": NaN}', "not_json", '{"a": "x", "n": NaN}'),
        (b'{"a": "x", "n": -Infinity}', "not_json", '{"a": "x", "n": -Infinity}'),
        (b'{"a": "x", "n": ' + b"9" * 5000 + b"}", "not_json", ('{"a": "x", "n": ' + "9" * 200)[:200]),
        (b'{"a": "x", "n": ' + b"[" * 100_000, "nested_too_deeply", ('{"a": "x", "n": ' + "[" * 200)[:200]),
        (b'{"a": "x\\ud83d"}', "lone_surrogate", "x\\ud83d"),
        (b'{"a": "caf\xe9"}', "not_utf8", '{"a": "caf\ufffd"}'),
        ('{"a": "x"}'.encode("utf-16-le"), "not_json", '{\0"\0a\0"\0:\0 \0"\0x\0"\0}'),
        (b'{"\\udc00": 1}', "missing_a", "\\udc00"),
    ],
)
def test_bad_lines(tmp_path: Path, line: bytes, reason: str, value: str) -> None:
    lines = read(write(tmp_path, GOOD, line, GOOD))
    assert lines.table["row"].tolist() == [1, 3]
    assert [(name, row, why) for name, row, _, why, _ in lines.refused] == [("things", 2, reason)]
    assert lines.refused[0][4].rstrip("\0") == value


def test_a_surrogate_pair_is_a_character(tmp_path: Path) -> None:
    lines = read(write(tmp_path, b'{"a": "\\ud83d\\ude00"}'))
    assert lines.table["a"].tolist() == ["😀"]


@pytest.mark.parametrize("depth", range(900, 1000, 9))
def test_a_nested_value_at_fault_can_be_shown(depth: int) -> None:
    value: Any = 1
    for _ in range(depth):
        value = [value]
    assert len(jsonl.RefusedLine("bad", value).value) < jsonl.EXCERPT


def test_lines_that_are_too_long_are_skipped_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonl, "LONGEST", 40)
    long = b'{"a": "' + b"z" * 100 + b'"}'
    exact = json.dumps({"a": "z" * 30}).encode()  # 40 bytes without its line end
    lines = read(write(tmp_path, GOOD, long, exact[:-3] + b'"}', GOOD, long))
    assert lines.table["row"].tolist() == [1, 3, 4]
    assert [(row, why) for _, row, _, why, _ in lines.refused] == [(2, "line_too_long"), (5, "line_too_long")]


@pytest.mark.parametrize("count", [1, 3, 4, 5, 9])
def test_batches_join(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, count: int) -> None:
    monkeypatch.setattr(jsonl, "BATCH", 4)
    good = [json.dumps({"a": f"{i % 3}", "b": f"{i}"}).encode() for i in range(count)]
    lines = read(write(tmp_path, *good, b"bad", b"bad", b"bad", b"bad", b"bad"))
    assert lines.table["b"].tolist() == [str(i) for i in range(count)]
    assert lines.table["a"].astype("str").tolist() == [str(i % 3) for i in range(count)]
    assert [row for _, row, _, _, _ in lines.refused] == [count + i for i in range(1, 6)]


def test_gzip_is_known_by_its_content(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(GOOD + b"\nbad\n" + GOOD))
    lines = read(path)
    assert lines.table["row"].tolist() == [1, 3] and len(lines.refused) == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"lines\.jsonl: empty"),
        (b"a,b\n1,2\n", r"lines\.jsonl, line 1: not_json 'a,b', and no other line can be used as things"),
        (gzip.compress(GOOD * 1000, mtime=0)[:-20], r"lines\.jsonl: the gzip archive is damaged"),
        (gzip.compress(GOOD, mtime=0)[:3], "damaged"),
        (b"\x1f\x8b" + b"garbage" * 9, "damaged"),
        (gzip.compress(GOOD, mtime=0)[:-8] + b"\0" * 8, "damaged"),
    ],
)
def test_bad_files(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(UserError, match=message):
        read(write(tmp_path, content))


def test_no_file(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "gone"):
        with pytest.raises(UserError, match="cannot be read"):
            read(path)


def test_a_huge_line_takes_no_memory(tmp_path: Path) -> None:
    """As a Python object, a line takes up to thirty times its bytes."""
    huge = b'{"a": [' + b'"x",' * 5_000_000 + b'"x"]}\n'
    (tmp_path / "t.jsonl").write_bytes(b'{"a": "1"}\n' + huge + b'{"a": "2"}\n')
    tracemalloc.start()
    found = jsonl.read(tmp_path / "t.jsonl", "items", ["a"], lambda record: [record["a"]])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.table["a"].tolist() == ["1", "2"] and peak < 4 * jsonl.LONGEST < len(huge)
    assert found.refused == [("items", 2, "", "line_too_long", "")]
