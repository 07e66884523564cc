"""The raw catalogue -> typed, composed items."""

import numpy as np
import pandas as pd

from fusionrec.data import dates, parsing, text
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.data.clean_options import Clean
from fusionrec.data.rejections import FilteredTable

DATE = "date_"
TEXTS = ("title", "description")
LONGEST = 50_000  # characters; longer texts are cut, because normalising hostile ones takes quadratic time


def reject_rows(items: FilteredTable[pd.DataFrame], dropped: list[str]) -> pd.DataFrame:
    """Reject rows without a valid id, with bad numbers or dates, or with the id of an earlier valid row.

    Args:
        items: the raw catalogue.
        dropped: number columns, without their prefix, that are not read.

    Returns:
        float64 columns number_*, one row for each raw row; dates are decimal years.
    """
    ids = parsing.ids(items.rows["item_id"])
    items.reject(ids.codes < 0, "missing_id")
    for reason, bad in parsing.id_faults(ids.names).items():
        items.reject(np.append(bad, False)[ids.codes], reason, "item_id")
    numbers = pd.DataFrame(index=items.rows.index)
    for column in map(str, items.rows):
        name = column.removeprefix(NUMBER).removeprefix(DATE)
        if column == name or name in dropped:
            continue
        written = items.rows[column]
        read = dates.years(written).to_numpy() if column.startswith(DATE) else parsing.numbers(written)
        there = written.notna().to_numpy() & (written.str.strip() != "").to_numpy(bool)
        items.reject(there & ~np.isfinite(read), f"bad_{column}", column)
        numbers[NUMBER + name] = read
    items.reject(_repeated(ids.codes, items.kept), "duplicate_id")
    return numbers


def _repeated(codes: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """True for each kept row whose id an earlier kept row has."""
    rows = np.flatnonzero(kept)
    again = np.zeros(len(codes), bool)
    again[rows] = pd.Series(codes[rows]).duplicated().to_numpy()
    return again


def table(items: FilteredTable[pd.DataFrame], numbers: pd.DataFrame, options: Clean) -> pd.DataFrame:
    """The kept items: item_id, title, description, text, category_* (lists), number_*, sorted by item_id."""
    rows = items.rows[items.kept]
    rows = rows.assign(item_id=rows["item_id"].astype("str")).sort_values("item_id")
    plain = {
        name: [text.clean(value, options) for value in rows[name].str.slice(0, LONGEST)] for name in TEXTS
    }
    columns = [str(name) for name in rows if str(name).startswith(CATEGORY)]
    tags = {
        name: [text.split(value, options) for value in rows[name].str.slice(0, LONGEST)] for name in columns
    }
    composed = [
        compose(
            {name: parts[position] for name, parts in plain.items()},
            {name: tags[name][position] for name in columns},
            options,
        )
        for position in range(len(rows))
    ]
    final = pd.DataFrame({"item_id": rows["item_id"].to_numpy(), **plain, "text": composed}, dtype="str")
    return pd.concat([final, pd.DataFrame(tags), numbers.loc[rows.index].reset_index(drop=True)], axis=1)


def compose(texts: dict[str, str], tags: dict[str, list[str]], options: Clean) -> str:
    """What the language encoder reads of an item; see `text.compose`.

    Args:
        texts: its clean title and description.
        tags: its values of each category column.
        options: the template.
    """
    fields = texts | {name.removeprefix(CATEGORY): ", ".join(values) for name, values in tags.items()}
    fields["tags"] = ", ".join(value for several in tags.values() for value in several)
    return text.compose(fields, options)


def count_cut(items: FilteredTable[pd.DataFrame]) -> dict[str, int]:
    """How many texts and categories of the kept items are longer than `LONGEST`."""
    rows = items.rows[items.kept]
    columns = [*TEXTS, *(str(name) for name in rows if str(name).startswith(CATEGORY))]
    return {f"cut_{name}": int((rows[name].str.len() > LONGEST).sum()) for name in columns}


def count_empty(items: pd.DataFrame) -> dict[str, int]:
    """How many items have no title, no description, no text at all, no value of a category or number."""
    counts = {}
    for column in items.columns.drop("item_id"):
        empty = items[column].isna() if str(column).startswith(NUMBER) else items[column].str.len() == 0
        counts[f"without_{column}"] = int(empty.sum())
    return counts
