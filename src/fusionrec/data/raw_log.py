"""A raw log that is read piece by piece, because the log of a large data set is larger than memory."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import parquet

from fusionrec.errors import UserError

ROWS = 1 << 20  # rows of a piece, and of a row group that is written


class RawLog:
    """Rows of strings, see `reading.dataset.Dataset`.

    Args:
        source: a Parquet file, of which each row group is a piece, or a table, which is one piece.

    Raises:
        UserError: if there are more rows than positions in 32 bits.
    """

    def __init__(self, source: Path | str | pd.DataFrame):
        if isinstance(source, pd.DataFrame):
            self._table = pa.Table.from_pandas(source, preserve_index=False)
            self._file, schema, self._rows = None, self._table.schema, len(source)
        else:
            self._file = parquet.ParquetFile(source)
            schema, self._rows = self._file.schema_arrow, self._file.metadata.num_rows
        self.names: list[str] = list(schema.names)
        if self._rows >= 2**31:
            raise UserError(
                f"{self._rows:,} interactions: more than 2,147,483,647 are not supported; use a part of them"
            )

    def __len__(self) -> int:
        return self._rows

    def __contains__(self, column: str) -> bool:
        return column in self.names

    def tables(self, *columns: str) -> Iterator[pa.Table]:
        """The pieces, one after the other, with some columns or all."""
        names = list(columns or self.names)
        if self._file is None:
            yield self._table.select(names)
            return
        for group in range(self._file.num_row_groups):
            yield self._file.read_row_group(group, names, use_threads=False)

    def column(self, name: str) -> Iterator[pa.Array]:
        """One column; ids may be dictionaries of strings."""
        for table in self.tables(name):
            yield table[name].combine_chunks()

    def rows(self, step: np.ndarray) -> Iterator[pd.DataFrame]:
        """The rows where `step`, int [rows], is not 0, piece by piece; a column `step` has its value."""
        start = 0
        for table in self.tables():
            own = step[start : start + len(table)]
            start += len(table)
            out = np.flatnonzero(own)
            taken = {
                name: _decoded(column)
                for name, column in zip(self.names, table.take(out).columns, strict=True)
            }
            yield pa.table(taken | {"step": own[out]}).to_pandas()

    def parsed(self, name: str, parse: Callable[[pd.Series], np.ndarray]) -> np.ndarray:
        """float64 [rows]: a column of strings as numbers."""
        numbers, start = np.empty(len(self)), 0
        for values in self.column(name):
            numbers[start : start + len(values)] = parse(values.to_pandas())
            start += len(values)
        return numbers


def _decoded(column: pa.ChunkedArray) -> pa.ChunkedArray:
    return column.cast(column.type.value_type) if pa.types.is_dictionary(column.type) else column
