"""Whom to recommend to, and what is known of them."""

from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import files
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError


class Requests(NamedTuple):
    """Users who are asked.

    Attributes:
        ids: [n], each once.
        rows: int64 [n], of the user table; those of strangers follow upon it.
        past: what all rows chose, strangers included.
        unknown_items: how many items of given histories the catalogue lacks.
    """

    ids: list[str]
    rows: np.ndarray
    past: Histories
    unknown_items: int


def choose(users: int | Literal["all"] | list[str], user_ids: list[str], seed: int) -> list[str]:
    """Ids of users: so many at random, all, or those that are listed."""
    if users == "all":
        return user_ids
    if isinstance(users, list):
        return users
    return [user_ids[row] for row in sample(len(user_ids), users, seed)]


def sample(users: int, count: int, seed: int) -> np.ndarray:
    """int64, `count` distinct user rows at random (all, where there are no more), ascending."""
    drawn = np.random.default_rng(seed).permutation(users)[:count]
    return np.sort(drawn)


def gather(
    asked: list[str],
    user_ids: list[str],
    item_ids: list[str],
    past: Histories,
    given: pd.DataFrame | None = None,
) -> Requests:
    """Find what is known of users.

    Args:
        asked: ids; the user table need not know them.
        user_ids: of the user table.
        item_ids: of the catalogue.
        past: histories of the user table.
        given: user_id and item_id, oldest first: what users chose besides, after all that is in `past`. What
            the user or the catalogue does not need to know is left out, and so is what was chosen before.
    """
    asked = list(dict.fromkeys(asked))
    rows = pd.Index(user_ids).get_indexer(pd.Index(asked, dtype=object)).astype(np.int64)
    strangers = rows < 0
    rows[strangers] = len(user_ids) + np.arange(strangers.sum())
    ends = np.full(int(strangers.sum()), past.offsets[-1])
    past = Histories(np.concatenate([past.offsets, ends]), past.items)
    if given is None or given.empty:
        return Requests(asked, rows, past, 0)
    place = pd.Index(asked, dtype=object).get_indexer(pd.Index(given["user_id"], dtype=object))
    item = pd.Index(item_ids).get_indexer(pd.Index(given["item_id"], dtype=object))
    mine = place >= 0
    known = mine & (item >= 0)
    extended = _extended(past, rows[place[known]], item[known])
    return Requests(asked, rows, extended, int((mine & (item < 0)).sum()))


def _extended(past: Histories, users: np.ndarray, items: np.ndarray) -> Histories:
    """With more choices, the newest; each pair once, when it was first chosen."""
    user = np.concatenate([np.repeat(np.arange(len(past)), past.counts), users])
    item = np.concatenate([past.items, items])
    again = pd.DataFrame({"user": user, "item": item}).duplicated().to_numpy()
    kept = ~again | (np.arange(len(item)) < len(past.items))
    user, item = user[kept], item[kept]
    counts = np.bincount(user, minlength=len(past))
    return Histories(np.concatenate([[0], np.cumsum(counts)]), item[np.argsort(user, kind="stable")])


def read_ids(path: Path | str, column: str) -> list[str]:
    """Ids from a text file, one a line; a first line that is the name `column` is none.

    Raises:
        UserError: if there is no such file, or it is not UTF-8.
    """
    try:
        lines = [line.strip() for line in Path(path).read_text(encoding="utf-8-sig").splitlines()]
    except FileNotFoundError:
        raise UserError(f"{path}: not found; it should hold ids, one a line") from None
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: is not UTF-8 ({error}); save it as UTF-8") from None
    return [line for line in lines[lines[:1] == [column] :] if line]


def read_histories(path: Path | str) -> pd.DataFrame:
    """user_id and item_id from a CSV or Parquet file, oldest choice first.

    Raises:
        UserError: if there is no such file, or it lacks one of both columns.
    """
    try:
        parquet = str(path).endswith(".parquet")
        table = files.read_table(path) if parquet else pd.read_csv(path, dtype="str", keep_default_na=False)
    except FileNotFoundError:
        raise UserError(f"{path}: not found; it should have the columns user_id and item_id") from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not CSV in UTF-8 ({error}); mend it") from None
    missing = [name for name in ("user_id", "item_id") if name not in table]
    if missing:
        raise UserError(
            f"{path}: has no column {' and '.join(missing)}; name its columns user_id and item_id"
        )
    return table[["user_id", "item_id"]].astype("str")
