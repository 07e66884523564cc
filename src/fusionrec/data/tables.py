"""Raw tables of strings -> clean, typed tables; whatever cannot be used leaves with a reason."""

from typing import Any, NamedTuple

import pandas as pd

from fusionrec import params
from fusionrec.data import hindsight, text
from fusionrec.data import interactions as choices
from fusionrec.data import items as catalogue
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.data.sieve import Sieve
from fusionrec.errors import UserError


class Clean(NamedTuple):
    """Attributes: see `clean`."""

    items: pd.DataFrame
    interactions: pd.DataFrame
    rejected: pd.DataFrame
    counts: dict[str, Any]


def clean(items: pd.DataFrame, interactions: pd.DataFrame, options: params.Clean) -> Clean:
    """Clean both tables and filter them to the k-core.

    Args:
        items: raw, see `sources.dataset.Dataset`.
        interactions: raw; the ids may be categories.
        options: section `clean` of the parameters.

    Returns:
        items: item_id, title, description, text, category_* (lists of strings), number_* (float64, NaN
            where missing; dates as decimal years), sorted by item_id.
        interactions: user_id, item_id (categories), timestamp (int64, seconds), one row for each pair,
            sorted by user, time and item.
        rejected: table, row, user_id, item_id, reason, value, sorted by table and row.
        counts: of each table, rows in, kept and rejected by reason; for items also what they lack.

    Raises:
        UserError: if nothing is left, or a parameter names a column that is not there.
    """
    names = {kind: _names(items, kind) for kind in (CATEGORY, NUMBER)}
    text.check_template(options.text, ["title", "description", "tags", *names[CATEGORY]])
    log, kept = choices.read(interactions), Sieve("items", items)
    dropped = hindsight.check(names[NUMBER], choices.newest(log), options)
    numbers = catalogue.sift(kept, dropped)
    log = choices.sift(log, kept, options.min_rating)
    choices.sift_core(log, kept, options.min_user_interactions, options.min_item_interactions)
    if not log.sieve.kept.any():
        raise UserError(
            f"no interaction is left: items {kept.counts()}, interactions {log.sieve.counts()}; lower "
            "clean.min_user_interactions, clean.min_item_interactions or clean.min_rating, or mend the data"
        )
    final, chosen = catalogue.table(kept, numbers, options), choices.table(log, items["item_id"])
    rejected = pd.concat([kept.rejected(), log.sieve.rejected()])
    sizes = {name: len(chosen[f"{name[:-1]}_id"].cat.categories) for name in ("users", "items")}
    return Clean(
        final,
        chosen,
        rejected.sort_values(["table", "row"], ignore_index=True),
        {
            "items": kept.counts() | catalogue.lacking(final) | catalogue.too_long(kept),
            "interactions": log.sieve.counts() | sizes,
        },
    )


def refused_before(rejected: pd.DataFrame) -> dict[str, int]:
    """What the source could not even read as a row, by table and reason; pictures are counted elsewhere."""
    rows = rejected[rejected["table"] != "pictures"]
    counts = (rows["table"] + "_" + rows["reason"]).value_counts().sort_index()
    return {str(name): int(count) for name, count in counts.items()}


def _names(items: pd.DataFrame, kind: str) -> list[str]:
    """Columns of one kind, without their prefix."""
    return [str(column).removeprefix(kind) for column in items if str(column).startswith(kind)]
