"""The raw log -> clean interactions: known users and items, times, each pair once, and the k-core."""

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa

from fusionrec.data import parsing, row_groups
from fusionrec.data.histories import ranges
from fusionrec.data.raw_log import ROWS, RawLog
from fusionrec.data.rejections import FilteredTable
from fusionrec.data.tallies import PIECE, tally
from fusionrec.errors import UserError

YEAR_1990 = 631_152_000  # in seconds since 1970: no rating is as high, and few times are earlier


class Log(NamedTuple):
    """A log that is being cleaned. Of n raw rows, m are in the arrays: first all, later the kept ones in order.

    Attributes:
        table: which raw rows are kept.
        row: int32 [m], positions in the raw log; none as long as all rows are there.
        user: int32 [m], into `names`; -1 if there is none.
        item: int32 [m], rows of the items table; -1 if there is none.
        seconds: float64 [m], since 1970; NaN where a time cannot be read; 0 everywhere if the log has no times.
        names: user ids, sorted.
    """

    table: FilteredTable[RawLog]
    row: np.ndarray
    user: np.ndarray
    item: np.ndarray
    seconds: np.ndarray
    names: pd.Index

    @property
    def raw(self) -> RawLog:
        """The raw log itself."""
        return self.table.rows

    def without(self, out: np.ndarray, reason: str) -> "Log":
        """Reject the rows where `out` (bool [m]) is true, and take them out of the arrays."""
        if not out.any():
            return self
        self.table.reject_at(self.row[out], reason)
        row, user, item, seconds = (each[~out] for each in (self.row, self.user, self.item, self.seconds))
        return self._replace(row=row, user=user, item=item, seconds=seconds)


def read(rows: RawLog) -> Log:
    """Read the ids and times of a raw log; `item` is not known yet."""
    users = parsing.ids_of(rows.column("user_id"), len(rows))
    unknown = np.full(len(rows), -1, np.int32)
    seconds = rows.parsed("timestamp", parsing.times) if "timestamp" in rows else np.zeros(len(rows))
    table, everywhere = FilteredTable("interactions", rows), np.zeros(0, np.int32)
    return Log(table, everywhere, users.codes, unknown, seconds, users.names)


def newest(log: Log) -> int:
    """The time of the last interaction, in seconds since 1970; 0 if there is none, the latest if it is not known."""
    if "timestamp" not in log.raw:
        return parsing.LATEST - 1
    plausible = log.seconds[log.seconds < parsing.LATEST]
    return int(plausible.max()) if len(plausible) else 0


def reject_rows(log: Log, catalogue: FilteredTable[pd.DataFrame], min_rating: float | None) -> Log:
    """Reject rows without a known user and item, without a time, with too low a rating; then later repeats.

    Returns:
        The kept rows by user, time, item and position.

    Raises:
        UserError: if `min_rating` is set and there are no ratings.
    """
    table = log.table
    for reason, bad in parsing.id_faults(log.names).items():
        table.reject(np.append(bad, False)[log.user], reason.replace("_id", "_user_id"), "user_id")
    table.reject(log.user < 0, "missing_user_id")
    log = log._replace(item=_known_items(log, catalogue))
    table.reject(np.isnan(log.seconds), "unreadable_timestamp", "timestamp")
    table.reject(log.seconds < 0, "timestamp_before_1970", "timestamp")
    table.reject(log.seconds >= parsing.LATEST, "timestamp_after_2099", "timestamp")
    if min_rating is not None:
        _reject_low_ratings(log, min_rating)
    return _reject_repeats(_ordered(log, _ranks(catalogue.rows["item_id"])[0]))


def _known_items(log: Log, catalogue: FilteredTable[pd.DataFrame]) -> np.ndarray:
    """int32 [n]: the kept item of each row; rows without one are rejected."""
    items = parsing.ids_of(log.raw.column("item_id"), len(log.raw))
    log.table.reject(items.codes < 0, "missing_item_id")
    row = _items(items.names, catalogue)
    item: np.ndarray = np.append(row, np.int32(-1))[items.codes]
    if (unknown := item < 0).any():
        close = parsing.usual_form(items.names).isin(parsing.usual_form(_names(catalogue)))
        log.table.reject(
            unknown & np.append(close, False)[items.codes], "item_id_written_differently", "item_id"
        )
        log.table.reject(unknown, "unknown_item", "item_id")
    return item


def _items(names: pd.Index, catalogue: FilteredTable[pd.DataFrame]) -> np.ndarray:
    """int32 [names]: the row of each id among the kept items, -1 where there is none."""
    known = np.flatnonzero(catalogue.kept)
    place = _names(catalogue).get_indexer(names)
    return np.where(place >= 0, known[place] if len(known) else -1, -1).astype(np.int32)


def _names(catalogue: FilteredTable[pd.DataFrame]) -> pd.Index:
    """The ids of the kept items."""
    return pd.Index(catalogue.rows["item_id"].iloc[np.flatnonzero(catalogue.kept)].astype("str"))


def _ranks(item_ids: pd.Series) -> tuple[np.ndarray, pd.Index]:
    """int32 [items]: the place of each item in the order of ids; and the ids in this order."""
    ids = pd.Index(item_ids.astype("str"))
    order = ids.argsort()
    rank = np.empty(len(order), np.int32)
    rank[order] = np.arange(len(order))
    return rank, ids[order]


def _reject_low_ratings(log: Log, least: float) -> None:
    if "rating" not in log.raw:
        raise UserError("clean.min_rating is set, but the interactions have no rating; set it to null")
    rating = log.raw.parsed("rating", parsing.numbers)
    log.table.reject(~np.isfinite(rating), "bad_rating", "rating")
    log.table.reject(rating > YEAR_1990, "rating_is_a_time", "rating")
    log.table.reject(rating < least, "below_min_rating", "rating")


def _ordered(log: Log, rank: np.ndarray) -> Log:
    """The kept rows by user, time, item and position: first in blocks of users, then block by block.

    Sorting blocks needs little memory; a block has about `ROWS` rows, or one user.
    """
    counts = tally(log.user, len(log.names), log.table.kept)
    block_of = np.append((np.cumsum(counts) - counts) // ROWS, 0).astype(np.uint16)
    blocks = int(block_of.max(initial=0)) + 1
    starts = np.concatenate([[0], np.cumsum(np.bincount(block_of[:-1], counts, blocks))]).astype(np.int64)
    row, free = np.empty(starts[-1], np.int32), starts[:-1].copy()
    for start in range(0, len(log.user), PIECE):
        positions = start + np.flatnonzero(log.table.kept[start : start + PIECE])
        block = block_of[log.user[positions]]
        own = np.bincount(block, minlength=blocks)
        row[ranges(free, own)] = positions[np.argsort(block, kind="stable")]
        free += own
    for start, end in pairwise(starts):
        rows = row[start:end]
        row[start:end] = rows[np.lexsort((rank[log.item[rows]], log.seconds[rows], log.user[rows]))]
    for name in ("user", "item", "seconds"):  # one after the other: they are the largest arrays
        log = log._replace(**{name: getattr(log, name)[row]})
    return log._replace(row=row)


def _reject_repeats(log: Log) -> Log:
    """Of several interactions of a user with an item the earliest is kept; at equal times, the first row."""
    again, start = np.zeros(len(log.row), bool), 0
    while start < len(log.user):
        end = int(np.searchsorted(log.user, log.user[min(start + ROWS, len(log.user)) - 1], side="right"))
        pair = log.user[start:end].astype(np.int64) << 32 | log.item[start:end]
        again[start:end] = pd.Series(pair).duplicated().to_numpy()
        start = end
    return log.without(again, "duplicate_pair")


def reject_rare(log: Log, catalogue: FilteredTable[pd.DataFrame], least_user: int, least_item: int) -> Log:
    """Reject items and users with too few interactions in turn, until all that are left have enough.

    The result is the k-core of the bipartite graph (Batagelj and Zaversnik 2003), here with one threshold for
    users and one for items.
    """
    before = -1
    while before != (left := len(log.row) + int(catalogue.kept.sum())):
        before = left
        chosen = tally(log.item, len(catalogue.kept)) < least_item
        catalogue.reject(chosen, "below_min_item_interactions")
        log = log.without(chosen[log.item], "below_min_item_interactions")
        chose = tally(log.user, len(log.names)) < least_user
        log = log.without(chose[log.user], "below_min_user_interactions")
    return log


def table(log: Log, item_ids: pd.Series) -> pd.DataFrame:
    """The kept interactions, see `pieces`, as one table."""
    schema, tables = pieces(log, item_ids)
    return (
        pa.Table.from_batches([batch for table in tables for batch in table.to_batches()], schema)
        .unify_dictionaries()
        .to_pandas()
    )


def pieces(log: Log, item_ids: pd.Series) -> tuple[pa.Schema, Iterator[pa.Table]]:
    """The kept interactions: user_id and item_id (categories), timestamp (int64), by user, time and item.

    A column `split`, the part that the data set itself names, is kept as it is. Each piece has `ROWS` rows, and
    names the users and items that occur in it, so that a file does not repeat all of them in each row group.

    Args:
        log: after all rejections.
        item_ids: str, of the items table.
    """
    rank, ids = _ranks(item_ids)
    codes, split = {"user_id": (log.user, log.names), "item_id": (rank[log.item], ids)}, _split(log)
    columns = {name: pd.Categorical([], _occurring(*of)) for name, of in codes.items()}
    head = pd.DataFrame({**columns, "timestamp": np.zeros(0, np.int64)})
    if split is not None:
        codes["split"] = split
        head["split"] = pd.Categorical([], _occurring(*split))
    schema = pa.Schema.from_pandas(head, preserve_index=False)
    starts = range(0, len(log.row), ROWS)
    return schema, (_piece(log.seconds, codes, schema, slice(start, start + ROWS)) for start in starts)


def _piece(
    seconds: np.ndarray, codes: dict[str, tuple[np.ndarray, pd.Index]], schema: pa.Schema, rows: slice
) -> pa.Table:
    columns = {"timestamp": pa.array(seconds[rows].astype(np.int64))}
    for name, (code, names) in codes.items():
        columns[name] = row_groups.dictionary(code[rows], names, schema.field(name).type)
    return pa.table([columns[name] for name in schema.names], schema=schema)


def _split(log: Log) -> tuple[np.ndarray, pd.Index] | None:
    """The part of each kept row that the data set names; None if it names none."""
    if "split" not in log.raw:
        return None
    ids = parsing.ids_of(log.raw.column("split"), len(log.raw))
    return ids.codes[log.row], ids.names


def _occurring(codes: np.ndarray, names: pd.Index) -> pd.Index:
    """The names that occur; -1 is none."""
    return names[np.flatnonzero(tally(codes, len(names), codes >= 0))]
