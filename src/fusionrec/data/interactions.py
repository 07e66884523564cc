"""The raw log -> choices: known users and items, times, each pair once, and the k-core."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from fusionrec.data import parsing
from fusionrec.data.sieve import Sieve
from fusionrec.errors import UserError


class Log(NamedTuple):
    """A log in the making; arrays run over all raw rows, kept or not.

    Attributes:
        sieve: which rows are kept.
        user: int32, into `names`; -1 where there is none.
        item: int32, rows of the items table; -1 where there is none.
        seconds: float64, NaN where there is no time.
        names: user ids.
    """

    sieve: Sieve
    user: np.ndarray
    item: np.ndarray
    seconds: np.ndarray
    names: pd.Index


def read(rows: pd.DataFrame) -> Log:
    """Take the ids and times out of a raw log; `item` is not known yet."""
    users = parsing.ids(rows["user_id"])
    nobody = np.full(len(rows), -1, np.int32)
    return Log(
        Sieve("interactions", rows), users.codes, nobody, parsing.times(rows["timestamp"]), users.names
    )


def newest(log: Log) -> int:
    """The time of the last choice, in seconds since 1970; 0 where there is none."""
    plausible = log.seconds[log.seconds < parsing.LATEST]
    return int(plausible.max()) if len(plausible) else 0


def sift(log: Log, catalogue: Sieve, min_rating: float | None) -> Log:
    """Reject rows that name no known user and item, no time or too low a rating; then later repeats.

    Raises:
        UserError: if a rating is asked for and there are none.
    """
    sieve = log.sieve
    for reason, bad in parsing.id_faults(log.names).items():
        sieve.reject(np.append(bad, False)[log.user], reason.replace("_id", "_user_id"), "user_id")
    sieve.reject(log.user < 0, "missing_user_id")
    log = log._replace(item=_items(sieve.rows["item_id"], catalogue))
    sieve.reject(sieve.rows["item_id"].isna().to_numpy(), "missing_item_id")
    sieve.reject(log.item < 0, "unknown_item", "item_id")
    sieve.reject(np.isnan(log.seconds), "unreadable_timestamp", "timestamp")
    sieve.reject(log.seconds < 0, "timestamp_before_1970", "timestamp")
    sieve.reject(log.seconds >= parsing.LATEST, "timestamp_after_2099", "timestamp")
    if min_rating is not None:
        _sift_ratings(sieve, min_rating)
    _sift_repeats(log)
    return log


def _items(ids: pd.Series, catalogue: Sieve) -> np.ndarray:
    """int32: the row of each id among the kept items, -1 where there is none."""
    known = np.flatnonzero(catalogue.kept)
    index = pd.Index(catalogue.rows["item_id"].iloc[known].astype("str"))
    found = parsing.ids(ids)
    place = index.get_indexer(found.names)
    rows = np.where(place >= 0, known[place] if len(known) else -1, -1).astype(np.int32)
    return np.append(rows, np.int32(-1))[found.codes]


def _sift_ratings(log: Sieve, least: float) -> None:
    if "rating" not in log.rows:
        raise UserError("clean.min_rating is set, but the interactions have no rating; set it to null")
    rating = parsing.numbers(log.rows["rating"])
    log.reject(~np.isfinite(rating), "bad_rating", "rating")
    log.reject(rating < least, "below_min_rating", "rating")


def _sift_repeats(log: Log) -> None:
    """Of several choices of one item by one user the first in time stays, of equal times the first row."""
    kept = np.flatnonzero(log.sieve.kept)
    pair = log.item[kept].astype(np.int64) * len(log.names) + log.user[kept]
    by_time = np.argsort(log.seconds[kept], kind="stable")
    again = np.zeros(len(log.user), bool)
    again[kept[by_time]] = pd.Series(pair[by_time]).duplicated().to_numpy()
    log.sieve.reject(again, "duplicate_pair")


def sift_core(log: Log, catalogue: Sieve, least_user: int, least_item: int) -> None:
    """Drop rare items and rare users in turn until none is left: each drop can make others rare.

    The result is the largest part in which every user and item has enough: the k-core of the bipartite
    graph (Batagelj and Zaversnik 2003), here with a threshold for each side.
    """
    before = -1
    rows = np.flatnonzero(log.sieve.kept)
    while before != (left := int(log.sieve.kept.sum() + catalogue.kept.sum())):
        before = left
        chosen = np.bincount(log.item[rows], minlength=len(catalogue.kept))
        catalogue.reject(chosen < least_item, "below_min_item_interactions")
        rows = _drop(log, rows, chosen[log.item[rows]] < least_item, "below_min_item_interactions")
        chose = np.bincount(log.user[rows], minlength=len(log.names))
        rows = _drop(log, rows, chose[log.user[rows]] < least_user, "below_min_user_interactions")


def _drop(log: Log, rows: np.ndarray, rare: np.ndarray, reason: str) -> np.ndarray:
    bad = np.zeros(len(log.user), bool)
    bad[rows[rare]] = True
    log.sieve.reject(bad, reason)
    return rows[~rare]


def table(log: Log, item_ids: pd.Series) -> pd.DataFrame:
    """The kept choices: user_id and item_id (categories), timestamp (int64), by user, time and item.

    Args:
        log: sifted.
        item_ids: str, of the items table.
    """
    rows = np.flatnonzero(log.sieve.kept)
    seconds = log.seconds[rows].astype(np.int64)
    user, users = _ranks(log.user[rows], log.names)
    item, items = _ranks(log.item[rows], pd.Index(item_ids.astype("str")))
    order = np.lexsort((item, seconds, user))
    return pd.DataFrame(
        {
            "user_id": pd.Categorical.from_codes(user[order], users),
            "item_id": pd.Categorical.from_codes(item[order], items),
            "timestamp": seconds[order],
        }
    )


def _ranks(codes: np.ndarray, names: pd.Index) -> tuple[np.ndarray, pd.Index]:
    """The same codes into the names that occur, sorted."""
    present = np.flatnonzero(np.bincount(codes, minlength=len(names)))
    found = names[present]
    order = found.argsort()
    rank = np.zeros(len(names), np.int32)
    rank[present[order]] = np.arange(len(order))
    return rank[codes], found[order]
