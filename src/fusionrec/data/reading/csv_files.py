"""Delimited text files as tables of strings, by pyarrow: fast, exact, and strict about malformed rows."""

import csv
import sys
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import csv as arrow_csv

from fusionrec.data.reading import opening, quotes
from fusionrec.data.reading.dataset import Rejection
from fusionrec.errors import UserError

BLOCKS = [1 << 22, 1 << 26, 1 << 30]  # bytes; a row must fit into one
OPEN_QUOTE = "a quote is opened in this row and never closed"
SWALLOWED = "swallowed_by_a_quote"  # the reason of rows that a stray quote made the value of another one
EXCERPT = 200  # characters of a rejected line that are kept
BINARY = {b"PK": "a zip archive or a workbook; save the table as CSV", b"PAR1": "Parquet; name it .parquet"}


class Column(NamedTuple):
    """A column to read: its name in the file, and the parameter that holds this name, if there is one."""

    name: str
    parameter: str | None = None


class Dialect(NamedTuple):
    """The format of a file, which may be gzipped. `header` names the columns if the file itself has no header."""

    delimiter: str = ","
    quoted: bool = True
    encoding: str = "utf-8"
    header: list[str] | None = None


CSV = Dialect()


class Lines(NamedTuple):
    """Attributes: `table` has row (of the file, from 1), then the columns; `refused` lists the other lines."""

    table: pd.DataFrame
    refused: list[Rejection]


def read(
    path: Path, name: str, wanted: dict[str, Column], categories: Collection[str] = (), dialect: Dialect = CSV
) -> Lines:
    """Some columns of a file as strings, under our names, with `row` before them.

    Rows that a stray quote has made a part of another row's value are refused together with it, line by line. What ends
    in `_id` among our names tells such rows from text.

    Args:
        path: the file.
        name: of the table, for the rejections.
        wanted: our name -> column of the file.
        categories: our names of columns with many repeated values, such as ids in a log; they become categories.
        dialect: the format of the file.

    Returns:
        The table: row (int64, from 1), then `wanted`: str, exactly as written, null if empty; and refused lines.

    Raises:
        UserError: if the file cannot be read, has no rows, no such column, a bad encoding, rows of different
            lengths, an open quote, quotes that leave the number of rows open, or a row of more than 1 GiB.
    """
    names = dialect.header or header(path, dialect)
    check_columns(path, names, wanted.values())
    types = {
        column.name: pa.dictionary(pa.int32(), pa.string()) if ours in categories else pa.string()
        for ours, column in wanted.items()
    }
    by_name = _read(path, types, dialect)
    table = pa.table({ours: by_name[column.name] for ours, column in wanted.items()})
    if not len(table):
        raise UserError(f"{path}: no rows below the header")
    count = quotes.count(path) if dialect.quoted else 0
    if count % 2 and (line := quotes.open_quote(path, dialect.encoding)):
        raise UserError(f"{path}, line {line}: {OPEN_QUOTE}")
    refused = []
    if count and quotes.spans_lines(path, len(table), dialect.header is None, dialect.encoding):
        place = {ours: names.index(column.name) for ours, column in wanted.items() if ours.endswith("_id")}
        refused = _swallowed(path, name, table, place, dialect) if place else []
    frame = numbered(table, np.arange(1, len(table) + 1))
    if refused:  # a copy of all rows takes as much memory as the rows
        frame = frame[~frame["row"].isin({row for _, row, *_ in refused})].reset_index(drop=True)
    return Lines(frame, refused)


def _swallowed(
    path: Path, name: str, table: pa.Table, place: dict[str, int], dialect: Dialect
) -> list[Rejection]:
    """The lines of all rows with a quoted value that has swallowed other rows."""
    ids = {
        position: quotes.forms(table[ours].drop_null().cast(pa.string()).unique().to_pylist())
        for ours, position in place.items()
    }
    named = dialect.header is None
    found = quotes.swallowed(path, dialect.delimiter, named, len(table), ids, dialect.encoding)
    return [
        (name, row, "", SWALLOWED, f"line {line.number}: {line.text}"[:EXCERPT])
        for row, lines in found.items()
        for line in lines
    ]


def numbered(table: pa.Table, rows: np.ndarray) -> pd.DataFrame:
    """As a pandas table, with `rows` (int64 [n]) as the first column, `row`; dictionaries become categories."""
    frame = table.unify_dictionaries().to_pandas()
    frame.insert(0, "row", rows)
    return frame


def check_columns(path: Path, names: list[str], wanted: Iterable[Column]) -> None:
    """Check that a file has each column, once.

    Raises:
        UserError: if it lacks some, or has one several times; all of them are named.
    """
    wrong = [column for column in wanted if names.count(column.name) != 1]
    if not wrong:
        return
    first, *others = wrong
    problem = "no column" if first.name not in names else "more than one column"
    remedy = f"set {first.parameter} to one of" if first.parameter else "the header has"
    known = ", ".join(map(repr, names))[:500]
    more = ", ".join(f"{c.name!r} ({c.parameter})" if c.parameter else repr(c.name) for c in others)
    likewise = f"; likewise {more}" if more else ""
    raise UserError(f"{path}: {problem} {first.name!r}; {remedy}: {known}{likewise}")


def header(path: Path, dialect: Dialect = CSV) -> list[str]:
    """The values of the first row.

    Raises:
        UserError: if the file cannot be read, is in another encoding, or empty.
    """
    with opening.binary(path) as file:
        start = file.read(4)
    for mark, found in BINARY.items():
        if start.startswith(mark):
            raise UserError(f"{path}: not text, but {found}")
    try:
        with opening.text(path, dialect.encoding, "surrogateescape") as lines:
            rule = csv.QUOTE_MINIMAL if dialect.quoted else csv.QUOTE_NONE
            names = next(csv.reader(lines, delimiter=dialect.delimiter, quoting=rule), [])  # type: ignore[arg-type]
        "".join(names).encode()  # fails if a byte was escaped; pyarrow checks the rows below
    except UnicodeError:
        raise (_undecodable(path, dialect.encoding) or UserError(f"{path}: cannot be decoded")) from None
    except csv.Error as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if not names:
        raise UserError(f"{path}: empty; it needs a header and rows")
    return names


def _read(path: Path, types: dict[str, pa.DataType], dialect: Dialect) -> pa.Table:
    ragged: list[Any] = []

    def note(row: Any) -> str:
        ragged.append(row)
        return "error"

    parse = arrow_csv.ParseOptions(
        delimiter=dialect.delimiter,
        quote_char='"' if dialect.quoted else False,
        newlines_in_values=dialect.quoted,
        invalid_row_handler=note,
    )
    convert = arrow_csv.ConvertOptions(
        column_types=types, include_columns=list(types), null_values=[""], strings_can_be_null=True
    )
    for block in BLOCKS:
        blocks = arrow_csv.ReadOptions(
            use_threads=False,  # with threads, errors have no row numbers
            block_size=block,
            column_names=dialect.header,
            encoding=dialect.encoding,
        )
        try:
            with opening.binary(path) as file, _quiet():
                return arrow_csv.read_csv(file, blocks, parse, convert)
        except (pa.ArrowInvalid, UnicodeError) as error:
            if "straddling" not in str(error):
                raise _explained(path, ragged, dialect, error) from None
    raise UserError(f"{path}: a row is longer than 1 GiB; is a quote opened and never closed?")


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the traceback that pyarrow prints if it cannot decode a malformed row for the message about it."""
    before, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
    finally:
        sys.unraisablehook = before


def _explained(path: Path, ragged: list[Any], dialect: Dialect, error: Exception) -> UserError:
    line = quotes.open_quote(path, dialect.encoding) if ragged and dialect.quoted else None
    if line:
        return UserError(f"{path}, line {line}: {OPEN_QUOTE}")
    if ragged:
        row = ragged[0]
        where = f"row {row.number}" if dialect.header else f"row {row.number - 1} below the header"
        return UserError(
            f"{path}, {where}: {row.actual_columns} values instead of {row.expected_columns} in "
            f"{row.text[:60]!r}; quote values that contain {dialect.delimiter!r}"
        )
    return _undecodable(path, dialect.encoding) or UserError(f"{path}: not readable as CSV: {error}")


def _undecodable(path: Path, encoding: str) -> UserError | None:
    """What is wrong with the first line that is not in the encoding; None if all lines are."""
    number = 0
    with opening.text(path, encoding, "strict") as file:
        try:
            for number, _ in enumerate(file, 1):  # noqa: B007
                pass
        except UnicodeError:
            bad = _bad_line(path, encoding) or number + 1
            name = encoding.upper()
            return UserError(f"{path}, line {bad}: not {name}; save the file as {name}, or name its encoding")
    return None


def _bad_line(path: Path, encoding: str) -> int | None:
    """Its number; None if lines cannot be decoded one by one, as in UTF-16."""
    if "16" in encoding or "32" in encoding:
        return None
    with opening.binary(path) as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode(encoding)
            except UnicodeDecodeError:
                return number
    return None
