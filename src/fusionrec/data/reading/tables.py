"""Tables in any of the formats that are read: delimited text, JSON lines and Parquet; the file's name tells which."""

import codecs
import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from fusionrec.data.reading import csv_files, jsonl, mappings, parquet_files
from fusionrec.data.reading.csv_files import Column, Dialect, Lines
from fusionrec.data.reading.jsonl import Record, RefusedLine
from fusionrec.errors import UserError
from fusionrec.params import Section

ENDINGS = {
    ".csv": "text", ".tsv": "text", ".tab": "text", ".txt": "text", ".data": "text", ".dat": "text", ".inter": "text",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip


def _known(encoding: str) -> str:
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise ValueError("must be an encoding that Python knows, such as utf-8 or windows-1252") from None
    return encoding


class Format(Section):
    """How a table is written.

    `delimiter` and `encoding` are those of delimited text. `decimal` is the sign before the fraction of a number.
    `time`: ms, us or ns since 1970, or a format such as "%d.%m.%Y %H:%M"; null: seconds since 1970, or ISO 8601.
    """

    delimiter: Annotated[str, Field(min_length=1, max_length=1)]
    encoding: Annotated[str, AfterValidator(_known)]
    decimal: Literal[".", ","]
    time: Annotated[str, Field(pattern=r"^(ms|us|ns|.*%.*)$")] | None


def kind(path: Path) -> str | None:
    """text, jsonl or parquet, by the ending of the name before `.gz`; None: none of them."""
    return ENDINGS.get(Path(path.name.lower().removesuffix(".gz")).suffix)


def header(path: Path, form: Format) -> list[str]:
    """The names of the columns; of JSON lines, the keys of the first 1,000 objects.

    Raises:
        UserError: if the file cannot be read.
    """
    match kind(path):
        case "parquet":
            return parquet_files.header(path)
        case "jsonl":
            return jsonl.keys(path)
    return csv_files.header(path, _dialect(form))


def check(path: Path, wanted: dict[str, Column], form: Format) -> None:
    """Check that a table can be read and has the columns, without reading its rows.

    Raises:
        UserError: if the format is not known, the file cannot be read, or columns are missing; all of them are named.
    """
    format_ = kind(path)
    if format_ is None:
        raise UserError(
            f"{path}: the format is not known; names end in {', '.join(ENDINGS)}, and may have .gz after it"
        )
    if format_ == "jsonl" and mappings.is_mapping(path):
        mappings.check_columns(path, wanted)
    elif (
        names := header(path, form)
    ) or format_ != "jsonl":  # without a single object, reading says what is wrong
        csv_files.check_columns(path, names, wanted.values())


def read(
    path: Path, name: str, wanted: dict[str, Column], form: Format, categories: Collection[str] = ()
) -> Lines:
    """Some columns of a table as strings, under our names, with `row` before them; see `csv_files.read`.

    In JSON lines, a list becomes JSON in a category and is joined to one text elsewhere. A file with one JSON object
    that maps users to lists of items has a row for each pair; see `mappings`.

    Raises:
        UserError: as `check`, or if the rows cannot be read.
    """
    check(path, wanted, form)
    match kind(path):
        case "text":
            return csv_files.read(path, name, wanted, categories, _dialect(form))
        case "parquet":
            return parquet_files.read(path, wanted, categories)
        case "jsonl" if mappings.is_mapping(path):
            return mappings.read(path, name, wanted, categories)
    return jsonl.read(path, name, list(wanted), lambda record: _values(record, wanted), categories)


def _dialect(form: Format) -> Dialect:
    return Dialect(form.delimiter, encoding=form.encoding)


def _values(record: Record, wanted: dict[str, Column]) -> list[str | None]:
    return [_text(record.get(column.name), ours.startswith("category_")) for ours, column in wanted.items()]


def _text(value: Any, listed: bool) -> str | None:
    if isinstance(value, list) and not any(isinstance(each, list | dict) for each in value):
        return json.dumps(value, ensure_ascii=False) if listed else " ".join(map(str, value)) or None
    if isinstance(value, list | dict):
        raise RefusedLine("nested_value", value)
    if isinstance(value, bool):
        return str(value).lower()
    return None if value is None or value == "" else str(value)
