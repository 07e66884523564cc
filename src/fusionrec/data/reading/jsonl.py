"""JSON lines, gzipped or not, as columns of strings; a bad line is refused and the others are read."""

import codecs
import json
import reprlib
from collections.abc import Callable, Collection, Iterable, Iterator
from itertools import chain, islice
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pyarrow as pa

from fusionrec.data.reading import csv_files, opening
from fusionrec.data.reading.csv_files import EXCERPT
from fusionrec.data.reading.dataset import Rejection
from fusionrec.errors import UserError

LONGEST = (
    1 << 20
)  # bytes of a line; a longer one is refused and never kept: its values could take 30 times as much
FIRST = 1000  # lines whose keys are taken for those of the file
BATCH = 1 << 16  # lines that are kept as Python objects at a time
Record = dict[str, Any]
Parse = Callable[[Record], list[str | None]]


class RefusedLine(Exception):
    """A line that cannot be used: the reason, and the value at fault if it is known."""

    def __init__(self, reason: str, value: object = ""):
        super().__init__(reason)
        self.reason, self.value = reason, printable(value)


def read(
    path: Path, name: str, columns: list[str], parse: Parse, categories: Collection[str] = ()
) -> csv_files.Lines:
    """Read a file line by line; `parse` turns the object of each line into values.

    Args:
        path: read as gzip if its first bytes are those of gzip.
        name: of the table, for the rejections.
        columns: our names.
        parse: gives the values of a record in the order of `columns`; raises `RefusedLine`.
        categories: which columns become categories.

    Raises:
        UserError: if the file cannot be read to its end, or if no line of its first 65,536 can be used.
    """
    refused: list[Rejection] = []
    kinds = [pa.dictionary(pa.int32(), pa.string()) if c in categories else pa.string() for c in columns]
    schema = pa.schema(list(zip(columns, kinds, strict=True)))
    batches, numbers = list[pa.Table](), list[np.ndarray]()
    lines = _lines(path)
    for first in lines:
        kept, rows = _parse(chain([first], islice(lines, BATCH - 1)), name, parse, refused)
        if not batches and not rows:
            raise UserError(_useless(path, name, refused))
        values = list(zip(*rows, strict=True)) or [()] * len(columns)
        arrays = [pa.array(column, kind) for column, kind in zip(values, kinds, strict=True)]
        batches.append(pa.Table.from_arrays(arrays, schema=schema))
        numbers.append(np.array(kept, np.int64))
    if not batches:
        raise UserError(f"{path}: empty; it needs one JSON object a line")
    return csv_files.Lines(csv_files.numbered(pa.concat_tables(batches), np.concatenate(numbers)), refused)


def keys(path: Path) -> list[str]:
    """The keys of the first 1,000 lines that are objects, in the order in which they occur.

    Raises:
        UserError: if the file cannot be read.
    """
    found: dict[str, None] = {}
    for _, line in islice(_lines(path), FIRST):
        try:
            found |= dict.fromkeys(_record(line))
        except RefusedLine:
            continue
    return list(found)


def _useless(path: Path, name: str, refused: list[Rejection]) -> str:
    _, line, _, reason, value = refused[0]
    if line == 1 and reason in ("not_json", "not_an_object") and value.startswith("["):
        return f"{path}: a JSON array; write each object on a line of its own: jq -c '.[]' {path.name}"
    return f"{path}, line {line}: {reason} {value!r}, and no other line can be used as {name}; is it the right file?"


def _parse(
    batch: Iterable[tuple[int, bytes | None]], name: str, parse: Parse, refused: list[Rejection]
) -> tuple[list[int], list[list[str | None]]]:
    """The numbers and values of the good lines; the others go to `refused`."""
    kept, rows = [], []
    for number, line in batch:
        try:
            rows.append(_checked(parse(_record(line))))
            kept.append(number)
        except RefusedLine as problem:
            refused.append((name, number, "", problem.reason, problem.value))
    return kept, rows


def _record(line: bytes | None) -> Record:
    if line is None:
        raise RefusedLine("line_too_long")
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        raise RefusedLine("not_utf8", value=line[:EXCERPT].decode("utf-8", "replace").strip()) from None
    try:
        record = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        raise RefusedLine("nested_too_deeply", value=text[:EXCERPT]) from None
    except ValueError:  # also an integer of more digits than Python reads
        raise RefusedLine("not_json", value=text[:EXCERPT].strip()) from None
    if not isinstance(record, dict):
        raise RefusedLine("not_an_object", value=text[:EXCERPT].strip())
    return record


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _checked(values: list[str | None]) -> list[str | None]:
    """Refuse half a surrogate pair ("\\ud800"): it is valid JSON, but not text that can be encoded."""
    for value in values:
        if value is not None and not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise RefusedLine("lone_surrogate", value=value) from None
    return values


def printable(value: object) -> str:
    """The beginning of anything, however deeply nested, as text that can be stored."""
    text = value if isinstance(value, str) else reprlib.repr(value)
    return text[:EXCERPT].encode("utf-8", "backslashreplace").decode()


def _lines(path: Path) -> Iterator[tuple[int, bytes | None]]:
    """Each line with its number; None instead of one that is too long."""
    with opening.binary(path) as file:
        number = 0
        while line := file.readline(LONGEST):
            number += 1
            whole = len(line) < LONGEST or line.endswith(b"\n")
            yield number, line.removeprefix(codecs.BOM_UTF8) if whole else None
            while not whole:
                line = file.readline(LONGEST)
                whole = len(line) < LONGEST or line.endswith(b"\n")
