"""Headline metrics for a part of the users, or of the held-out items.

The metrics of a slice of users are means over these users. For a slice of items only the held-out items in it count
as relevant, in the same lists; users without such an item are left out.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import pandas as pd

from fusionrec.errors import UserError
from fusionrec.evaluation.metrics import Ranked, accuracy
from fusionrec.evaluation.protocol import Task

HISTORY = [0, 1, 5, 10, 20, 50]  # lower ends of the bins of history length
MOST = 20  # values of a column that are slices of their own; rarer values share one
HEAD = 0.5  # share of the train interactions that the head (the most popular items) has
COLD = ("item", "cold")  # the slice of items without a train interaction


@dataclass(frozen=True, eq=False)
class Slice:
    """Some users or items.

    Attributes:
        group: what the slices of a group are divided by, such as `item`, `popularity`, or a column.
        name: of the slice.
        members: bool [all users], or bool [items].
        of_items: whether it is a slice of items.
    """

    group: str
    name: str
    members: np.ndarray
    of_items: bool

    @property
    def of_cold_items(self) -> bool:
        """Whether it is the slice of items without a train interaction."""
        return (self.group, self.name) == COLD


def standard(task: Task) -> list[Slice]:
    """Warm and cold items and users, head, middle and tail of popularity, length of history, ties in time."""
    cold_item, cold_user = task.popularity == 0, task.train.counts == 0
    head = head_items(task.popularity) & ~task.tail
    lengths = np.searchsorted(HISTORY, task.past.counts, side="right") - 1
    names = [f"{a}-{b - 1}" if b > a + 1 else f"{a}" for a, b in itertools.pairwise(HISTORY)]
    return [
        Slice("item", "warm", ~cold_item, True),
        Slice(COLD[0], COLD[1], cold_item, True),
        Slice("user", "warm", ~cold_user, False),
        Slice("user", "cold", cold_user, False),
        Slice("popularity", "head", head, True),
        Slice("popularity", "middle", ~head & ~task.tail & ~cold_item, True),
        Slice("popularity", "tail", task.tail, True),
        *(
            Slice("history", name, lengths == position, False)
            for position, name in enumerate([*names, f"{HISTORY[-1]}+"])
        ),
        Slice("time", "untied", ~task.tied, False),
        Slice("time", "tied", task.tied, False),
    ]


def head_items(popularity: np.ndarray, share: float = HEAD) -> np.ndarray:
    """bool [items]: the fewest popular items that have `share` of the train interactions, and all ties of the last.

    Args:
        popularity: int64 [items], train interactions.
        share: from 0 to 1.

    >>> head_items(np.array([5, 3, 3, 0]))
    array([ True,  True,  True, False])
    """
    order = np.sort(popularity)[::-1]
    before = np.cumsum(order) - order
    least = order[before < share * popularity.sum()].min(initial=popularity.max(initial=0))
    return (popularity >= max(least, 1)) if len(popularity) else np.zeros(0, bool)


def of_columns(columns: list[str], users: pd.DataFrame, items: pd.DataFrame) -> list[Slice]:
    """A slice for each value of each column of the items' or the users' table; see `of_column`.

    Raises:
        UserError: if neither table has the column.
    """
    parts: list[Slice] = []
    for column in columns:
        if column not in items and column not in users:
            known = [str(c) for c in [*items, *users] if c not in ("item_id", "user_id", "text", "title")]
            raise UserError(
                f"metrics.slices: neither items nor users have the column {column!r}; known: {', '.join(known)}"
            )
        of_items = column in items
        values = (items if of_items else users)[column]
        parts += [Slice(column, name, members, of_items) for name, members in of_column(values).items()]
    return parts


def of_column(values: pd.Series) -> dict[str, np.ndarray]:
    """{value: bool [rows]}, the rows that have it; a row with a list of values has each of them.

    Numbers are cut at their quartiles. The most frequent of other values are slices of their own, the rest
    together is `other`; rows without a value are `missing`.
    """
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        return _quartiles(values.to_numpy(np.float64))
    listed = values.map(lambda v: [str(x) for x in v] if isinstance(v, list | tuple | np.ndarray) else
                        [] if pd.isna(v) else [str(v)])  # fmt: skip
    row = np.repeat(np.arange(len(values)), listed.map(len).to_numpy(np.int64))
    flat = np.array([x for v in listed for x in v], dtype=object)
    names, code = np.unique(flat.astype("str"), return_inverse=True)
    order = np.argsort(-np.bincount(code, minlength=len(names)), kind="stable")
    kept = order[:MOST] if len(names) > MOST else order
    masks = {str(names[c]): _mask(row[code == c], len(values)) for c in sorted(kept)}
    rest = _mask(row[~np.isin(code, kept)], len(values))
    missing = (listed.map(len) == 0).to_numpy()
    return masks | ({"other": rest} if rest.any() else {}) | ({"missing": missing} if missing.any() else {})


def _quartiles(values: np.ndarray) -> dict[str, np.ndarray]:
    missing = np.isnan(values)
    edges = np.unique(np.quantile(values[~missing], [0.25, 0.5, 0.75])) if not missing.all() else np.zeros(0)
    place = np.searchsorted(edges, values, side="left")
    ends = [f"{edge:g}" for edge in edges]
    names = [f"<= {b}" if not position else f"{ends[position - 1]} - {b}" for position, b in enumerate(ends)]
    names += [f"> {ends[-1]}"] if ends else []
    masks = {name: ~missing & (place == position) for position, name in enumerate(names)}
    return {n: m for n, m in masks.items() if m.any()} | ({"missing": missing} if missing.any() else {})


def _mask(rows: np.ndarray, length: int) -> np.ndarray:
    mask = np.zeros(length, bool)
    mask[rows] = True
    return mask


def values(
    part: Slice, ranked: Ranked, per_user: dict[str, np.ndarray], users: np.ndarray, names: list[str]
) -> np.ndarray:
    """float64 [users, len(names)]: the metrics `names` of each user, NaN for users who are not in the slice.

    Args:
        part: the slice.
        ranked: the lists.
        per_user: metrics of all users, for slices of users.
        users: int64 [users], their rows in the user table.
        names: metrics of accuracy, such as ndcg@10.
    """
    if part.of_items:
        return accuracy.of_items(part.members, ranked, names)
    inside = part.members[users]
    return np.where(inside[:, None], np.stack([per_user[name] for name in names], 1), np.nan)
