"""Raw tables of strings -> clean, typed tables; what cannot be used is rejected with a reason."""

from collections.abc import Iterator
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from fusionrec.data import interactions as logs
from fusionrec.data import items as catalogue
from fusionrec.data import leaking_columns, text
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.data.clean_options import Clean
from fusionrec.data.raw_log import RawLog
from fusionrec.data.rejections import FilteredTable, remedy
from fusionrec.data.tallies import tally
from fusionrec.errors import UserError


class Cleaned(NamedTuple):
    """Clean tables. The log and the rejected rows can be had whole, or in pieces that take little memory.

    Attributes:
        items: item_id, title, description, text, category_* (lists of strings), number_* (float64, NaN
            where missing; dates as decimal years), sorted by item_id.
        counts: of each table, rows in, kept and rejected by reason; for items also how many have no title, and
            so on.
        log: the kept interactions.
        catalogue: the raw items, kept or not.
    """

    items: pd.DataFrame
    counts: dict[str, Any]
    log: logs.Log
    catalogue: FilteredTable[pd.DataFrame]

    @property
    def interactions(self) -> pd.DataFrame:
        """user_id, item_id (categories), timestamp (int64, seconds), a row for each pair, by user, time and item."""
        return logs.table(self.log, self.catalogue.rows["item_id"])

    def interaction_pieces(self) -> tuple[pa.Schema, Iterator[pa.Table]]:
        """`interactions` in pieces."""
        return logs.pieces(self.log, self.catalogue.rows["item_id"])

    @property
    def rejected(self) -> pd.DataFrame:
        """Rejected rows: table, row, user_id, item_id, reason, value, sorted by table and row."""
        return pd.concat([table.rejected() for table in (self.log.table, self.catalogue)], ignore_index=True)

    def rejected_pieces(self) -> Iterator[pd.DataFrame]:
        """`rejected` in pieces."""
        return chain(self.log.table.rejected_pieces(), self.catalogue.rejected_pieces())


def clean(items: pd.DataFrame, interactions: pd.DataFrame | RawLog, options: Clean) -> Cleaned:
    """Clean both tables and filter them to the k-core.

    Args:
        items: raw, see `reading.dataset.Dataset`.
        interactions: raw; the ids may be categories.
        options: section `clean` of the parameters.

    Raises:
        UserError: if nothing is left, or a parameter names a column that does not exist.
    """
    names = {kind: _names(items, kind) for kind in (CATEGORY, NUMBER)}
    text.check_template(options.text, ["title", "description", "tags", *names[CATEGORY]])
    rows = interactions if isinstance(interactions, RawLog) else RawLog(interactions)
    log, kept = logs.read(rows), FilteredTable("items", items)
    dropped = leaking_columns.check(names[NUMBER], logs.newest(log), options)
    numbers = catalogue.reject_rows(kept, dropped)
    log = logs.reject_rows(log, kept, options.min_rating)
    log = logs.reject_rare(log, kept, options.min_user_interactions, options.min_item_interactions)
    if not len(log.row):
        lost = log.table.counts()
        raise UserError(f"no interaction is left: items {kept.counts()}, interactions {lost}; {remedy(lost)}")
    final = catalogue.table(kept, numbers, options)
    sizes = {
        "users": int((tally(log.user, len(log.names)) > 0).sum()),
        "items": int((tally(log.item, len(items)) > 0).sum()),
    }
    counts = {
        "items": kept.counts() | catalogue.count_empty(final) | catalogue.count_cut(kept),
        "interactions": log.table.counts() | sizes | _period(log.seconds),
    }
    return Cleaned(final, counts, log, kept)


def refused_before(rejected: pd.DataFrame) -> dict[str, int]:
    """How many lines the source could not read as rows, by table and reason; pictures are counted elsewhere."""
    rows = rejected[rejected["table"] != "pictures"]
    counts = (rows["table"] + "_" + rows["reason"]).value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}


def _period(seconds: np.ndarray) -> dict[str, str]:
    """The days of the first and the last interaction."""
    days = pd.to_datetime([int(seconds.min()), int(seconds.max())], unit="s").strftime("%Y-%m-%d")
    return {"first": str(days[0]), "last": str(days[1])}


def _names(items: pd.DataFrame, kind: str) -> list[str]:
    """Columns of one kind, without their prefix."""
    return [str(column).removeprefix(kind) for column in items if str(column).startswith(kind)]
