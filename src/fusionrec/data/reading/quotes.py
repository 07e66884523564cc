"""Stray quotes in delimited text: a quote that opens a value by mistake makes it swallow the rows that follow."""

import csv
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple

from fusionrec.data.reading import opening
from fusionrec.errors import UserError

LONGEST = 2**31 - 1  # characters of a value
DIGITS, LETTERS = re.compile("[0-9]+"), re.compile(r"[^\W\d_]+")


class Line(NamedTuple):
    """A line of a file: its number, from 1, and its text."""

    number: int
    text: str


def open_quote(path: Path, encoding: str = "utf-8") -> int | None:
    """The line of a row with a quote that is never closed: pyarrow would read the rest of the file as one value.

    A stray quote in an unquoted value (5" nails) is harmless, so an odd number of quotes is only a reason to
    check further: a line that is appended to the file must be parsed as a row of its own.
    """
    if count(path) % 2 == 0:
        return None
    row, start, end = list[str](), 0, 0
    with opening.text(path, encoding) as file:
        rows = csv.reader(chain(file, ["end"]))
        try:
            for row in rows:  # noqa: B007
                start, end = end, rows.line_num
        except csv.Error:  # a value above the size limit of the csv module
            start, row = end, []
    return None if row == ["end"] else start + 1


def count(path: Path) -> int:
    """How many quotes a file has."""
    with opening.binary(path) as file:
        return sum(part.count(b'"') for part in iter(lambda: file.read(1 << 24), b""))


def spans_lines(path: Path, rows: int, named: bool, encoding: str = "utf-8") -> bool:
    """Whether some of the `rows`, without the header if the file is `named`, take more than one line."""
    if not encoding.lower().startswith(("utf-16", "utf-32")):  # faster without decoding
        with opening.binary(path) as file:
            return sum(line not in (b"\n", b"\r\n") for line in file) > rows + named
    with opening.text(path, encoding) as file:
        return sum(line not in ("\n", "\r\n") for line in file) > rows + named


def swallowed(
    path: Path, delimiter: str, named: bool, rows: int, ids: dict[int, set[str]], encoding: str = "utf-8"
) -> dict[int, list[Line]]:
    """Rows with a quoted value that runs over lines that are rows themselves.

    A value may run over several lines. But a line inside it that has as many values as the file has columns, with
    ids of the same form as other ids, is taken for a row.

    Args:
        path: the file.
        delimiter: between values.
        named: whether the first row is a header.
        rows: how many rows were read, without the header.
        ids: by position, the forms of the ids in that column; see `forms`.
        encoding: of the file.

    Returns:
        The lines of each such row, which is counted from 1, without the header.

    Raises:
        UserError: if this module finds another number of rows than were read.
    """
    found: dict[int, list[Line]] = {}
    columns, start, number = 0, 0 if named else 1, 0
    for number, (values, lines) in enumerate(_records(path, delimiter, encoding), start):
        columns = columns or len(values)
        if number and any(_is_row(line.text, delimiter, columns, ids) for line in lines[1:]):
            found[number] = lines
    if number != rows:
        raise UserError(
            f"{path}: {rows:,} rows were read, but by the usual rules of quoting there are {number:,}; write a quote "
            'inside of a value as "" and quote the whole value'
        )
    return found


def forms(values: Iterable[str]) -> set[str]:
    """The forms of ids: u00017 and u123 have the same form, and 17 has another."""
    return {LETTERS.sub("a", DIGITS.sub("0", value)) for value in values}


def _is_row(line: str, delimiter: str, columns: int, ids: dict[int, set[str]]) -> bool:
    values = next(csv.reader([line], delimiter=delimiter), [])
    return len(values) == columns and all(forms([values[place]]) <= known for place, known in ids.items())


def _records(path: Path, delimiter: str, encoding: str) -> Iterator[tuple[list[str], list[Line]]]:
    """The values of each row that is not empty, the header first, and its lines."""
    taken: list[Line] = []

    def noted(file: Iterable[str]) -> Iterator[str]:
        for number, text in enumerate(file, 1):
            taken.append(Line(number, text.rstrip("\r\n")))
            yield text

    with long_values(), opening.text(path, encoding) as file:
        for values in csv.reader(noted(file), delimiter=delimiter):
            if values:
                yield values, list(taken)
            taken.clear()


@contextmanager
def long_values() -> Iterator[None]:
    """Lets the csv module read values of any length that a file may have."""
    limit = csv.field_size_limit(LONGEST)
    try:
        yield
    finally:
        csv.field_size_limit(limit)
