"""Parquet files as tables of strings."""

import json
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import parquet

from fusionrec.data.reading import csv_files
from fusionrec.data.reading.csv_files import Column, Lines
from fusionrec.errors import UserError

types = pa.types


def header(path: Path) -> list[str]:
    """The names of the columns.

    Raises:
        UserError: if the file cannot be read.
    """
    try:
        return [str(name) for name in parquet.read_schema(path).names]
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not readable as Parquet: {error}") from None


def read(path: Path, wanted: dict[str, Column], categories: Collection[str] = ()) -> Lines:
    """Some columns of a file as strings, under our names, with `row` before them.

    Whole numbers that are stored as floats, as pandas does beside missing values, are written without a fraction.
    Times become ISO 8601, lists become JSON.

    Args:
        path: the file.
        wanted: our name -> column of the file.
        categories: our names of columns that become categories.

    Raises:
        UserError: if the file cannot be read, has no rows, no such column, or a column of another kind.
    """
    names = header(path)
    csv_files.check_columns(path, names, wanted.values())
    try:
        table = parquet.read_table(path, columns=[column.name for column in wanted.values()])
        table.validate(full=True)
    except (OSError, pa.ArrowException) as error:
        raise UserError(f"{path}: not readable as Parquet: {error}") from None
    if not len(table):
        raise UserError(f"{path}: no rows")
    columns = {}
    for ours, column in wanted.items():
        written = _written(path, column, table[column.name])
        columns[ours] = written.dictionary_encode() if ours in categories else written
    return Lines(csv_files.numbered(pa.table(columns), np.arange(1, len(table) + 1)), [])


def _written(path: Path, column: Column, values: pa.ChunkedArray) -> pa.ChunkedArray:
    """One column as strings, null where there is nothing."""
    if types.is_dictionary(values.type):
        values = values.cast(values.type.value_type)
    kind = values.type
    if types.is_floating(kind):
        values = _whole(pc.if_else(pc.is_finite(values), values, None))
    elif types.is_timestamp(kind):
        values = pc.strftime(
            values.cast(pa.timestamp("us", kind.tz)), "%Y-%m-%dT%H:%M:%S" + "%z" * bool(kind.tz)
        )
    elif types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        lists = [
            None if each is None else json.dumps(each, ensure_ascii=False, default=str)
            for each in values.to_pylist()
        ]
        values = pa.chunked_array([pa.array(lists, pa.string())])
    elif types.is_nested(kind) or types.is_binary(kind) or types.is_large_binary(kind):
        raise UserError(
            f"{path}: column {column.name!r} holds {kind}; it needs texts, numbers, times, or lists of them"
        )
    written = values.cast(pa.string())
    return pc.if_else(pc.equal(written, ""), None, written)


def _whole(values: pa.ChunkedArray) -> pa.ChunkedArray:
    """Floats as integers if all of them are whole."""
    whole = pc.all(pc.equal(values, pc.round(values))).as_py()
    small = pc.all(pc.less(pc.abs(values), 2**53)).as_py()
    return values.cast(pa.int64()) if whole and small else values
