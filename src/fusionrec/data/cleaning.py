"""Raw tables of strings -> clean, typed tables; what cannot be used is rejected with a reason."""

from typing import Any, NamedTuple

import pandas as pd

from fusionrec.data import interactions as logs
from fusionrec.data import items as catalogue
from fusionrec.data import leaking_columns, text
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.data.clean_options import Clean
from fusionrec.data.rejections import FilteredTable, remedy
from fusionrec.errors import UserError


class Cleaned(NamedTuple):
    """Attributes: see `clean`."""

    items: pd.DataFrame
    interactions: pd.DataFrame
    rejected: pd.DataFrame
    counts: dict[str, Any]


def clean(items: pd.DataFrame, interactions: pd.DataFrame, options: Clean) -> Cleaned:
    """Clean both tables and filter them to the k-core.

    Args:
        items: raw, see `reading.dataset.Dataset`.
        interactions: raw; the ids may be categories.
        options: section `clean` of the parameters.

    Returns:
        items: item_id, title, description, text, category_* (lists of strings), number_* (float64, NaN
            where missing; dates as decimal years), sorted by item_id.
        interactions: user_id, item_id (categories), timestamp (int64, seconds), one row for each pair,
            sorted by user, time and item.
        rejected: table, row, user_id, item_id, reason, value, sorted by table and row.
        counts: of each table, rows in, kept and rejected by reason; for items also how many have no title, and
            so on.

    Raises:
        UserError: if nothing is left, or a parameter names a column that does not exist.
    """
    names = {kind: _names(items, kind) for kind in (CATEGORY, NUMBER)}
    text.check_template(options.text, ["title", "description", "tags", *names[CATEGORY]])
    log, kept = logs.read(interactions), FilteredTable("items", items)
    dropped = leaking_columns.check(names[NUMBER], logs.newest(log), options)
    numbers = catalogue.reject_rows(kept, dropped)
    log = logs.reject_rows(log, kept, options.min_rating)
    logs.reject_rare(log, kept, options.min_user_interactions, options.min_item_interactions)
    if not log.table.kept.any():
        lost = log.table.counts()
        raise UserError(f"no interaction is left: items {kept.counts()}, interactions {lost}; {remedy(lost)}")
    final, chosen = catalogue.table(kept, numbers, options), logs.table(log, items["item_id"])
    rejected = pd.concat([kept.rejected(), log.table.rejected()])
    sizes = {name: len(chosen[f"{name[:-1]}_id"].cat.categories) for name in ("users", "items")}
    return Cleaned(
        final,
        chosen,
        rejected.sort_values(["table", "row"], ignore_index=True),
        {
            "items": kept.counts() | catalogue.count_empty(final) | catalogue.count_cut(kept),
            "interactions": log.table.counts() | sizes | _period(chosen["timestamp"]),
        },
    )


def refused_before(rejected: pd.DataFrame) -> dict[str, int]:
    """How many lines the source could not read as rows, by table and reason; pictures are counted elsewhere."""
    rows = rejected[rejected["table"] != "pictures"]
    counts = (rows["table"] + "_" + rows["reason"]).value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}


def _period(timestamps: pd.Series) -> dict[str, str]:
    """The days of the first and the last interaction."""
    days = pd.to_datetime(timestamps.agg(["min", "max"]), unit="s").dt.strftime("%Y-%m-%d")
    return {"first": str(days["min"]), "last": str(days["max"])}


def _names(items: pd.DataFrame, kind: str) -> list[str]:
    """Columns of one kind, without their prefix."""
    return [str(column).removeprefix(kind) for column in items if str(column).startswith(kind)]
