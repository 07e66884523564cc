"""Lists as files: Parquet and CSV as they come, JSON for a few."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from fusionrec import files
from fusionrec.errors import UserError
from fusionrec.recommend.engine import SCHEMA

PAGE = 500  # users whose page of pictures a browser still opens


def write(path: str, tables: Iterable[pa.Table]) -> int:
    """Write lists as they come; returns how many rows there were.

    Raises:
        UserError: if the path ends in neither .parquet nor .csv.
    """
    if path.endswith(".parquet"):
        return files.write_row_groups(path, SCHEMA, tables)
    if not path.endswith(".csv"):
        raise UserError(f"--output: {path} ends in none of .parquet, .csv and .html; name the file so")
    rows = 0
    with files.replacing(path) as scratch, csv.CSVWriter(scratch, SCHEMA) as writer:
        for table in tables:
            writer.write_table(table)
            rows += table.num_rows
    return rows


def gathered(tables: Iterable[pa.Table], users: int) -> pd.DataFrame:
    """All lists at once, for a page.

    Raises:
        UserError: if they are of more users than a page can hold.
    """
    if users > PAGE:
        raise UserError(
            f"--output: a page of {users:,} users is too large; ask for at most {PAGE}, or for .parquet"
        )
    return frame(tables)


def frame(tables: Iterable[pa.Table]) -> pd.DataFrame:
    """All lists at once."""
    return pa.concat_tables([SCHEMA.empty_table(), *tables]).to_pandas()


def rows_of(path: Path, users: list[str]) -> pd.DataFrame:
    """The lists of a few users of a Parquet file."""
    return parquet.read_table(path, filters=[("user_id", "in", users)]).to_pandas()


def records(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Ready for JSON: the list of each user."""
    fields = ["rank", "item_id", "title", "score", "basis"]
    return {
        str(user): [
            dict(zip(fields, (rank, item, title, round(score, 6), basis), strict=True))
            for rank, item, title, score, basis in rows[fields].itertuples(index=False, name=None)
        ]
        for user, rows in table.groupby("user_id", sort=False)
    }
