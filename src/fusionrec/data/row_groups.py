"""Row groups of a log: each names the users and items that occur in it.

pandas would write all ids again in each row group, so that the size of a file would grow with the square of its rows.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import pyarrow as pa

from fusionrec.data.raw_log import ROWS


def of(table: pd.DataFrame) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """The row groups of a table with categories, and their schema; a short table is one, as pandas writes it."""
    if len(table) <= ROWS:
        whole = pa.Table.from_pandas(table, preserve_index=False)
        return whole.schema, iter([whole])
    schema = pa.Schema.from_pandas(table.iloc[:0], preserve_index=False)
    return schema, (_group(table.iloc[start : start + ROWS], schema) for start in range(0, len(table), ROWS))


def _group(table: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    columns = [
        dictionary(table[field.name].cat.codes.to_numpy(), table[field.name].cat.categories, field.type)
        if pa.types.is_dictionary(field.type)
        else pa.array(table[field.name], field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def dictionary(codes: np.ndarray, names: pd.Index, kind: pa.DictionaryType) -> pa.DictionaryArray:
    """Ids as a dictionary of those names that occur, in the order of `names`.

    Args:
        codes: int [n] into `names`; -1 where there is none.
        names: distinct.
        kind: the type of the result.
    """
    occurs = np.zeros(len(names) + 1, bool)
    occurs[codes] = True  # the last one: there is none
    present = np.flatnonzero(occurs[:-1])
    place = np.empty(len(names) + 1, np.int32)
    place[present] = np.arange(len(present))
    index = pa.array(place[codes], mask=codes < 0).cast(kind.index_type)
    return pa.DictionaryArray.from_arrays(index, pa.array(names[present]).cast(kind.value_type))
