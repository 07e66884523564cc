"""The raw log -> clean interactions: known users and items, times, each pair once, and the k-core."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fusionrec.data import parsing
from fusionrec.data.rejections import FilteredTable
from fusionrec.errors import UserError

YEAR_1990 = 631_152_000  # in seconds since 1970: no rating is as high, and few times are earlier


class Log(NamedTuple):
    """A log that is being cleaned; n counts all raw rows, kept or not.

    Attributes:
        table: which rows are kept.
        user: int32 [n], into `names`; -1 if there is none.
        item: int32 [n], rows of the items table; -1 if there is none.
        seconds: float64 [n], since 1970; NaN where a time cannot be read; 0 everywhere if the log has no times.
        names: user ids.
    """

    table: FilteredTable
    user: np.ndarray
    item: np.ndarray
    seconds: np.ndarray
    names: pd.Index


def read(rows: pd.DataFrame) -> Log:
    """Read the ids and times of a raw log; `item` is not known yet."""
    users = parsing.ids(rows["user_id"])
    unknown = np.full(len(rows), -1, np.int32)
    seconds = parsing.times(rows["timestamp"]) if "timestamp" in rows else np.zeros(len(rows))
    return Log(FilteredTable("interactions", rows), users.codes, unknown, seconds, users.names)


def newest(log: Log) -> int:
    """The time of the last interaction, in seconds since 1970; 0 if there is none, the latest if it is not known."""
    if "timestamp" not in log.table.rows:
        return parsing.LATEST - 1
    plausible = log.seconds[log.seconds < parsing.LATEST]
    return int(plausible.max()) if len(plausible) else 0


def reject_rows(log: Log, catalogue: FilteredTable, min_rating: float | None) -> Log:
    """Reject rows without a known user and item, without a time, with too low a rating; then later repeats.

    Raises:
        UserError: if `min_rating` is set and there are no ratings.
    """
    table = log.table
    for reason, bad in parsing.id_faults(log.names).items():
        table.reject(np.append(bad, False)[log.user], reason.replace("_id", "_user_id"), "user_id")
    table.reject(log.user < 0, "missing_user_id")
    items = parsing.ids(table.rows["item_id"])
    log = log._replace(item=_items(items, catalogue))
    table.reject(items.codes < 0, "missing_item_id")
    if (unknown := log.item < 0).any():
        close = parsing.usual_form(items.names).isin(parsing.usual_form(_names(catalogue)))
        table.reject(unknown & np.append(close, False)[items.codes], "item_id_written_differently", "item_id")
        table.reject(unknown, "unknown_item", "item_id")
    table.reject(np.isnan(log.seconds), "unreadable_timestamp", "timestamp")
    table.reject(log.seconds < 0, "timestamp_before_1970", "timestamp")
    table.reject(log.seconds >= parsing.LATEST, "timestamp_after_2099", "timestamp")
    if min_rating is not None:
        _reject_low_ratings(table, min_rating)
    _reject_repeats(log)
    return log


def _items(ids: parsing.Ids, catalogue: FilteredTable) -> np.ndarray:
    """int32: the row of each id among the kept items, -1 where there is none."""
    known = np.flatnonzero(catalogue.kept)
    place = _names(catalogue).get_indexer(ids.names)
    rows = np.where(place >= 0, known[place] if len(known) else -1, -1).astype(np.int32)
    return np.append(rows, np.int32(-1))[ids.codes]


def _names(catalogue: FilteredTable) -> pd.Index:
    """The ids of the kept items."""
    return pd.Index(catalogue.rows["item_id"].iloc[np.flatnonzero(catalogue.kept)].astype("str"))


def _reject_low_ratings(table: FilteredTable, least: float) -> None:
    if "rating" not in table.rows:
        raise UserError("clean.min_rating is set, but the interactions have no rating; set it to null")
    rating = parsing.numbers(table.rows["rating"])
    table.reject(~np.isfinite(rating), "bad_rating", "rating")
    table.reject(rating > YEAR_1990, "rating_is_a_time", "rating")
    table.reject(rating < least, "below_min_rating", "rating")


def _reject_repeats(log: Log) -> None:
    """Of several interactions of a user with an item the earliest is kept; at equal times, the first row."""
    kept = np.flatnonzero(log.table.kept)
    pair = log.item[kept].astype(np.int64) * len(log.names) + log.user[kept]
    by_time = np.argsort(log.seconds[kept], kind="stable")
    again = np.zeros(len(log.user), bool)
    again[kept[by_time]] = pd.Series(pair[by_time]).duplicated().to_numpy()
    log.table.reject(again, "duplicate_pair")


def reject_rare(log: Log, catalogue: FilteredTable, least_user: int, least_item: int) -> None:
    """Reject items and users with too few interactions in turn, until all that are left have enough.

    The result is the k-core of the bipartite graph (Batagelj and Zaversnik 2003), here with one threshold for
    users and one for items.
    """
    before = -1
    rows = np.flatnonzero(log.table.kept)
    while before != (left := int(log.table.kept.sum() + catalogue.kept.sum())):
        before = left
        chosen = np.bincount(log.item[rows], minlength=len(catalogue.kept))
        catalogue.reject(chosen < least_item, "below_min_item_interactions")
        rows = _drop(log, rows, chosen[log.item[rows]] < least_item, "below_min_item_interactions")
        chose = np.bincount(log.user[rows], minlength=len(log.names))
        rows = _drop(log, rows, chose[log.user[rows]] < least_user, "below_min_user_interactions")


def _drop(log: Log, rows: np.ndarray, rare: np.ndarray, reason: str) -> np.ndarray:
    bad = np.zeros(len(log.user), bool)
    bad[rows[rare]] = True
    log.table.reject(bad, reason)
    return rows[~rare]


def table(log: Log, item_ids: pd.Series) -> pd.DataFrame:
    """The kept interactions: user_id and item_id (categories), timestamp (int64), by user, time and item.

    A column `split`, the part that the data set itself names, is kept as it is.

    Args:
        log: after all rejections.
        item_ids: str, of the items table.
    """
    rows = np.flatnonzero(log.table.kept)
    seconds = log.seconds[rows].astype(np.int64)
    user, users = _ranks(log.user[rows], log.names)
    item, items = _ranks(log.item[rows], pd.Index(item_ids.astype("str")))
    order = np.lexsort((item, seconds, user))
    columns = {
        "user_id": pd.Categorical.from_codes(user[order], users),
        "item_id": pd.Categorical.from_codes(item[order], items),
        "timestamp": seconds[order],
    }
    if "split" in log.table.rows:
        columns["split"] = pd.Categorical(log.table.rows["split"].iloc[rows[order]])
    return pd.DataFrame(columns)


def _ranks(codes: np.ndarray, names: pd.Index) -> tuple[np.ndarray, pd.Index]:
    """The same codes, renumbered into the sorted names that occur."""
    present = np.flatnonzero(np.bincount(codes, minlength=len(names)))
    occurring = names[present]
    order = occurring.argsort()
    rank = np.zeros(len(names), np.int32)
    rank[present[order]] = np.arange(len(order))
    return rank[codes], occurring[order]
