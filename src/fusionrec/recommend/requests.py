"""Users to recommend to, and their histories."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import files
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError


class Requests(NamedTuple):
    """Users to recommend to.

    Attributes:
        ids: [n], user ids without duplicates.
        rows: int64 [n], rows of `past`. Known users have their row of the user table; users that it does not have
            get the rows after its last one.
        past: the history of each row, oldest first; rows that were not asked for may be empty.
        unknown_items: how many items of the given histories are not in the catalogue.
    """

    ids: list[str]
    rows: np.ndarray
    past: Histories
    unknown_items: int


def choose(users: int | Literal["all"] | list[str], user_ids: list[str], seed: int) -> list[str]:
    """Ids of the users to recommend to.

    Args:
        users: a number of random users, "all", or the ids themselves.
        user_ids: ids of the user table.
        seed: draws the random users.
    """
    if users == "all":
        return user_ids
    if isinstance(users, list):
        return users
    return [user_ids[row] for row in sample(len(user_ids), users, seed)]


def sample(users: int, count: int, seed: int) -> np.ndarray:
    """int64 [min(count, users)], distinct rows of random users, ascending; all rows if there are no more."""
    drawn = np.random.default_rng(seed).permutation(users)[:count]
    return np.sort(drawn)


def gather(
    requested: list[str],
    user_ids: pd.Index,
    item_ids: pd.Index,
    past: Histories,
    given: pd.DataFrame | None = None,
) -> Requests:
    """Collect the histories of users.

    Args:
        requested: user ids; they need not be in the user table.
        user_ids: [users], ids of the user table.
        item_ids: [items], ids of the catalogue.
        past: histories of the users of the user table.
        given: a table with user_id and item_id, oldest first: further interactions, newer than those of `past`.
            Rows of other users, rows with unknown items and repeated interactions are left out.
    """
    requested = list(dict.fromkeys(requested))
    rows = user_ids.get_indexer(pd.Index(requested, dtype=object)).astype(np.int64)
    new_users = rows < 0
    rows[new_users] = len(user_ids) + np.arange(new_users.sum())
    ends = np.full(int(new_users.sum()), past.offsets[-1])
    past = Histories(np.concatenate([past.offsets, ends]), past.items)
    if given is None or given.empty:
        return Requests(requested, rows, past, 0)
    position = pd.Index(requested, dtype=object).get_indexer(pd.Index(given["user_id"], dtype=object))
    item = item_ids.get_indexer(pd.Index(given["item_id"], dtype=object))
    wanted = position >= 0
    known = wanted & (item >= 0)
    extended = with_newer(past, rows, position[known], item[known])
    return Requests(requested, rows, extended, int((wanted & (item < 0)).sum()))


def with_newer(past: Histories, rows: np.ndarray, position: np.ndarray, item: np.ndarray) -> Histories:
    """The histories of some rows with newer interactions appended; all other rows are empty.

    A repeated pair of user and item counts when it was first chosen.

    Args:
        past: histories of all rows.
        rows: int64 [n], distinct.
        position: int64 [m], in `rows`, of each newer interaction, oldest first.
        item: int64 [m], its item.
    """
    own_position, own_item = past.pairs(rows)
    position, item = np.concatenate([own_position, position]), np.concatenate([own_item, item])
    _, first = np.unique(np.stack([position, item]), axis=1, return_index=True)
    kept = np.arange(len(item)) < len(own_item)
    kept[first] = True
    row, item = rows[position[kept]], item[kept]
    counts = np.bincount(row, minlength=len(past))
    return Histories(np.concatenate([[0], np.cumsum(counts)]), item[np.argsort(row, kind="stable")])


def read_ids(path: Path | str, column: str) -> list[str]:
    """Ids from a text file, one per line. A first line that is the name `column` is skipped as a header.

    Raises:
        UserError: if the file does not exist or is not UTF-8.
    """
    try:
        lines = [line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines()]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; it must hold ids, one per line") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: not UTF-8 ({error}); save it as UTF-8") from None
    return [line for line in lines[lines[:1] == [column] :] if line]


def read_histories(path: Path | str) -> pd.DataFrame:
    """user_id and item_id from a CSV or Parquet file, oldest choice first.

    Raises:
        UserError: if the file does not exist, cannot be read, or lacks one of the two columns.
    """
    try:
        parquet = str(path).endswith(".parquet")
        table = files.read_table(path) if parquet else pd.read_csv(path, dtype="str", keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; it must have the columns user_id and item_id") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not CSV in UTF-8 ({error}); fix the file") from None
    missing = [name for name in ("user_id", "item_id") if name not in table]
    if missing:
        raise UserError(
            f"{path}: has no column {' and '.join(missing)}; name its columns user_id and item_id"
        )
    return table[["user_id", "item_id"]].astype("str")
