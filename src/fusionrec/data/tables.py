"""Raw tables of strings -> clean, typed tables; whatever cannot be used leaves with a reason."""

from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import params
from fusionrec.data import text
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.errors import UserError

LATEST = 253_402_300_799  # the last second of the year 9999; milliseconds are beyond it
REJECTED = ["table", "row", "user_id", "item_id", "reason", "value"]


class Sieve:
    """The rows of a raw table that are still in; those that left, each with the first reason that held."""

    def __init__(self, name: str, rows: pd.DataFrame):
        self.name, self.rows, self.count = name, rows, len(rows)
        self.rejected: list[pd.DataFrame] = []

    def reject(self, bad: pd.Series, reason: str, value: str | None = None) -> None:
        """Take the rows out where `bad`, a bool for each row; `value` names the column at fault."""
        if not bad.any():
            return
        out = self.rows[bad.to_numpy(bool)]
        nothing = pd.Series(None, out.index, dtype="str")
        self.rejected.append(
            pd.DataFrame(
                {
                    "table": self.name,
                    "row": out["row"],
                    "user_id": out.get("user_id", nothing),
                    "item_id": out["item_id"],
                    "reason": reason,
                    "value": out[value] if value else nothing,
                }
            )
        )
        self.rows = self.rows[~bad.to_numpy(bool)]

    def counts(self) -> dict[str, int]:
        """Rows in, kept, and rejected by reason: the first is the sum of the others."""
        reasons = Counter(reason for part in self.rejected for reason in part["reason"])
        counts = {"in": self.count, "kept": len(self.rows)}
        counts |= {f"rejected_{reason}": reasons[reason] for reason in sorted(reasons)}
        assert 2 * self.count == sum(counts.values()), f"rows of {self.name} were lost"
        return counts


class Clean(NamedTuple):
    """Attributes: see `clean`."""

    items: pd.DataFrame
    interactions: pd.DataFrame
    rejected: pd.DataFrame
    counts: dict[str, Any]


def clean(items: pd.DataFrame, interactions: pd.DataFrame, options: params.Clean) -> Clean:
    """Clean both tables and filter them to the k-core.

    Returns:
        items: item_id, title, description, text, category_* (lists of strings), number_* (float64, NaN
            where missing), sorted by item_id.
        interactions: user_id, item_id, timestamp (int64, seconds), one row for each pair, sorted by user,
            time and item.
        rejected: table, row, user_id, item_id, reason, value, sorted by table and row.
        counts: of each table, rows in, kept and rejected by reason; for items also what they lack.

    Raises:
        UserError: if nothing is left.
    """
    catalogue, log = Sieve("items", items), Sieve("interactions", interactions)
    numbers = _sift_items(catalogue)
    _sift_interactions(log, set(catalogue.rows["item_id"]), options.min_rating)
    _sift_core(catalogue, log, options)
    if log.rows.empty:
        raise UserError(
            f"no interaction is left: items {catalogue.counts()}, interactions {log.counts()}; lower "
            "clean.min_user_interactions, clean.min_item_interactions or clean.min_rating, or mend the data"
        )
    rejected = pd.concat([*catalogue.rejected, *log.rejected]) if catalogue.rejected or log.rejected else None
    final = _items(catalogue.rows, numbers, options)
    return Clean(
        final,
        log.rows[["user_id", "item_id", "timestamp"]].reset_index(drop=True),
        _rejected(rejected),
        {"items": catalogue.counts() | _lacking(final), "interactions": log.counts() | _sizes(log.rows)},
    )


def _sift_items(items: Sieve) -> pd.DataFrame:
    """Reject rows without or with a known id, or with bad numbers; returns the numbers, by index."""
    items.reject(_blank(items.rows["item_id"]), "missing_id")
    numbers = pd.DataFrame(index=items.rows.index)
    for column in [str(name) for name in items.rows if str(name).startswith(NUMBER)]:
        numbers[column] = pd.to_numeric(items.rows[column], errors="coerce").astype("float64")
        bad = ~_blank(items.rows[column]) & ~np.isfinite(numbers[column].loc[items.rows.index])
        items.reject(bad, f"bad_{column}", column)
        numbers = numbers.loc[items.rows.index]
    items.reject(items.rows.duplicated("item_id"), "duplicate_id")
    return numbers


def _sift_interactions(log: Sieve, items: set[str], min_rating: float | None) -> None:
    """Reject rows that name no known user and item, no time or too low a rating; then later repeats."""
    log.reject(_blank(log.rows["user_id"]), "missing_user")
    log.reject(_blank(log.rows["item_id"]), "missing_item")
    log.reject(~log.rows["item_id"].isin(items), "unknown_item", "item_id")
    seconds = parse_time(log.rows["timestamp"])
    log.reject(seconds.isna(), "bad_timestamp", "timestamp")
    if min_rating is not None:
        _sift_ratings(log, min_rating)
    log.rows = log.rows.assign(timestamp=seconds.loc[log.rows.index].astype("int64"))
    log.rows = log.rows.sort_values(["user_id", "timestamp", "item_id"], kind="stable")
    log.reject(log.rows.duplicated(["user_id", "item_id"]), "duplicate_pair")


def _sift_ratings(log: Sieve, least: float) -> None:
    if "rating" not in log.rows:
        raise UserError("clean.min_rating is set, but the interactions have no rating; set it to null")
    rating = pd.to_numeric(log.rows["rating"], errors="coerce").astype("float64")
    log.reject(rating.isna() | np.isinf(rating), "bad_rating", "rating")
    log.reject(rating.loc[log.rows.index] < least, "below_min_rating", "rating")


def _sift_core(items: Sieve, log: Sieve, options: params.Clean) -> None:
    """Drop rare users and rare items in turn until none is left; each drop can make others rare."""
    before = None
    while before != (len(items.rows), len(log.rows)):
        before = len(items.rows), len(log.rows)
        chosen = items.rows["item_id"].map(log.rows["item_id"].value_counts()).fillna(0)
        rare = chosen < options.min_item_interactions
        gone = set(items.rows["item_id"][rare])
        items.reject(rare, "below_min_item_interactions")
        log.reject(log.rows["item_id"].isin(gone), "below_min_item_interactions")
        chose = log.rows["user_id"].map(log.rows["user_id"].value_counts())
        log.reject(chose < options.min_user_interactions, "below_min_user_interactions")


def parse_time(values: pd.Series) -> pd.Series:
    """Seconds since 1970 from seconds or ISO 8601 (UTC unless it says otherwise), rounded down.

    Returns:
        float64, NaN where a value is neither, negative, or after the year 9999.
    """
    seconds = pd.to_numeric(values, errors="coerce").astype("float64")
    rest = values[seconds.isna() & values.notna()]
    dates = pd.to_datetime(rest, errors="coerce", utc=True, format="ISO8601")
    since = (dates - pd.Timestamp(0, tz="UTC")) // pd.Timedelta(seconds=1)
    seconds = seconds.fillna(since.astype("float64")).floordiv(1)
    return seconds.where(seconds.between(0, LATEST))


def _blank(values: pd.Series) -> pd.Series:
    """True where there is no value or only white space."""
    return values.isna() | (values.str.strip() == "")


def _items(rows: pd.DataFrame, numbers: pd.DataFrame, options: params.Clean) -> pd.DataFrame:
    """The clean items, from the rows that stayed."""
    rows = rows.sort_values("item_id")
    final = rows[["item_id"]].assign(
        title=rows["title"].map(text.clean), description=rows["description"].map(text.clean)
    )
    tags = pd.DataFrame(
        {
            column: [text.split(value, options.separator, options.lowercase) for value in rows[column]]
            for column in rows
            if str(column).startswith(CATEGORY)
        },
        index=rows.index,
    )
    together = [[tag for values in row for tag in values] for row in tags.to_numpy().tolist()]
    composed = [
        text.compose(*parts) for parts in zip(final["title"], together, final["description"], strict=True)
    ]
    final["text"] = [line.lower() for line in composed] if options.lowercase else composed
    return pd.concat([final, tags, numbers.loc[rows.index]], axis=1).reset_index(drop=True)


def _rejected(parts: pd.DataFrame | None) -> pd.DataFrame:
    if parts is None:
        parts = pd.DataFrame({name: [] for name in REJECTED})
    types = dict.fromkeys(REJECTED, "str") | {"row": "int64"}
    return parts.astype(types).sort_values(["table", "row"], ignore_index=True)


def _lacking(items: pd.DataFrame) -> dict[str, int]:
    """How many items have no title, no description, no value of a category or number."""
    counts = {}
    for column in items.columns.drop(["item_id", "text"]):
        empty = items[column].isna() if str(column).startswith(NUMBER) else items[column].str.len() == 0
        counts[f"without_{column}"] = int(empty.sum())
    return counts


def _sizes(log: pd.DataFrame) -> dict[str, int]:
    return {"users": log["user_id"].nunique(), "items": log["item_id"].nunique()}
