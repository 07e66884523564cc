"""Users whose recommendations changed most."""

from typing import NamedTuple

import pandas as pd


class Listed(NamedTuple):
    """A recommended item."""

    item_id: str
    title: str


class Changed(NamedTuple):
    """A user's lists, best first, and their average overlap, 0 to 1."""

    user: str
    a: list[Listed]
    b: list[Listed]
    overlap: float


def overlap(a: list[str], b: list[str]) -> float:
    """Average overlap: the mean, over depths d, of the share of items that the first d of both lists have in common.

    The top weighs most; it is 1 only if both lists are the same, item by item. Webber, Moffat and Zobel, "A
    similarity measure for indefinite rankings", TOIS 2010.

    >>> overlap(["x", "y"], ["y", "x"])
    0.5
    """
    depth = max(len(a), len(b))
    return sum(len({*a[:d]} & {*b[:d]}) / d for d in range(1, depth + 1)) / depth if depth else 1.0


def compare(a: pd.DataFrame, b: pd.DataFrame) -> list[Changed]:
    """The lists of the users in both tables, lowest overlap first.

    Args:
        a: one row per user and rank: user_id, rank, item_id, title.
        b: the same for the other revision.
    """
    first, second = (_lists(table) for table in (a, b))
    both = [
        Changed(user, ours, second[user], overlap(_ids(ours), _ids(second[user])))
        for user, ours in first.items()
        if user in second
    ]
    return sorted(both, key=lambda lists: (lists.overlap, lists.user))


def _ids(listed: list[Listed]) -> list[str]:
    return [item.item_id for item in listed]


def _lists(table: pd.DataFrame) -> dict[str, list[Listed]]:
    rows = table.sort_values(["user_id", "rank"])
    lists: dict[str, list[Listed]] = {}
    for user, item, title in zip(rows["user_id"], rows["item_id"], rows["title"], strict=True):
        lists.setdefault(user, []).append(Listed(item, title))
    return lists


def added(lists: Changed) -> list[Listed]:
    """The items that are on the second list only."""
    return [item for item in lists.b if item.item_id not in _ids(lists.a)]


def removed(lists: Changed) -> list[Listed]:
    """The items that are on the first list only."""
    return [item for item in lists.a if item.item_id not in _ids(lists.b)]
