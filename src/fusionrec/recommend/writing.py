"""Writes recommendation lists: Parquet and CSV block by block; JSON and pages for a few users."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
from pyarrow import csv, parquet

from fusionrec import files, progress
from fusionrec.errors import UserError
from fusionrec.recommend.engine import SCHEMA

TABLES, PAGE = (".parquet", ".csv"), ".html"
PAGE_USERS = 500  # browsers cannot handle the pictures of more users


def check(path: str) -> None:
    """Check that lists can be written to a file of this name.

    Raises:
        UserError: if the name does not end in .parquet, .csv or .html.
    """
    if not path.endswith((*TABLES, PAGE)):
        raise UserError(f"--output: {path} must end in .parquet, .csv or .html")


def watched(tables: Iterable[pa.Table], users: int) -> Iterator[pa.Table]:
    """The same tables, with the progress of the users whose lists are done; `users` is their total number."""
    with progress.bar("lists", "user", users) as bar:
        for table in tables:
            yield table
            bar.update(len(table["user_id"].unique()))


def write(path: str, tables: Iterable[pa.Table]) -> int:
    """Write tables of `SCHEMA` to a .parquet or .csv file, one after the other; return the number of rows."""
    if path.endswith(".parquet"):
        return files.write_row_groups(path, SCHEMA, tables)
    rows = 0
    with files.replacing(path) as scratch, csv.CSVWriter(scratch, SCHEMA) as writer:
        for table in tables:
            writer.write_table(table)
            rows += table.num_rows
    return rows


def gathered(tables: Iterable[pa.Table], users: int) -> pd.DataFrame:
    """All lists as one data frame, for a page.

    Raises:
        UserError: if there are more users than a page can hold.
    """
    if users > PAGE_USERS:
        raise UserError(
            f"--output: a page of {users:,} users is too large; choose at most {PAGE_USERS} users, or a .parquet file"
        )
    return frame(tables)


def frame(tables: Iterable[pa.Table]) -> pd.DataFrame:
    """All lists as one data frame with the columns of `SCHEMA`."""
    return pa.concat_tables([SCHEMA.empty_table(), *tables]).to_pandas()


def rows_of(path: Path, users: list[str]) -> pd.DataFrame:
    """The lists of the users with the given ids, from a Parquet file."""
    return parquet.read_table(path, filters=[("user_id", "in", users)]).to_pandas()


def records(table: pd.DataFrame) -> dict[str, list[dict[str, Any]]]:
    """Each user's list as JSON values, by user id."""
    fields = ["rank", "item_id", "title", "score", "basis"]
    return {
        str(user): [
            dict(zip(fields, (rank, item, title, round(score, 6), basis), strict=True))
            for rank, item, title, score, basis in rows[fields].itertuples(index=False, name=None)
        ]
        for user, rows in table.groupby("user_id", sort=False)
    }
