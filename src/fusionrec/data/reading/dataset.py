"""The data set that every source returns."""

from collections.abc import Iterable
from typing import NamedTuple

import pandas as pd

from fusionrec.data.demo.demo_truth import Truth
from fusionrec.data.separator import SEPARATOR as SEPARATOR

Rejection = tuple[str, int | None, str, str, str]  # table, row, id, reason, value


class Dataset(NamedTuple):
    """Raw data: tables of strings exactly as in the source; null means empty.

    Attributes:
        items: row (int64, from 1: of the table, or the line in JSON lines), item_id, title, description,
            category_<name>..., number_<name>..., date_<name>...
        interactions: row, user_id, item_id, and timestamp and rating if the source has them. Ids may be
            categories of strings, because a log repeats them many times.
        rejected: what the source could not use, mostly pictures: table, row, id, reason, value.
        pictures: (file name, bytes), sorted by item id; the name without its suffix is the item's id.
        truth: the preference model, if it is known.
        has_items_table: false if the items are those that occur in the interactions.
    """

    items: pd.DataFrame
    interactions: pd.DataFrame
    rejected: pd.DataFrame
    pictures: Iterable[tuple[str, bytes]]
    truth: Truth | None = None
    has_items_table: bool = True


def completed(items: pd.DataFrame) -> pd.DataFrame:
    """Add the columns title and description, null, if the source has none."""
    for name in ("title", "description"):
        if name not in items:
            items[name] = pd.Series(None, items.index, dtype="str")
    return items


def rejections(rows: list[Rejection]) -> pd.DataFrame:
    """The table of rejections."""
    table = pd.DataFrame(rows, columns=["table", "row", "id", "reason", "value"])
    return table.astype({"table": "str", "row": "Int64", "id": "str", "reason": "str", "value": "str"})
