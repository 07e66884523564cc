"""Users whose recommendations changed most."""

from typing import NamedTuple

import pandas as pd


class Listed(NamedTuple):
    """A recommended item."""

    item_id: str
    title: str


class Changed(NamedTuple):
    """A user's lists, best first, and how alike they are, 0 to 1."""

    user: str
    a: list[Listed]
    b: list[Listed]
    overlap: float


def overlap(a: list[str], b: list[str]) -> float:
    """Average overlap: the mean over depths of the share of items that both lists hold so far.

    The top weighs most; 1 only where both are the same, item by item. Webber, Moffat and Zobel, TOIS 2010.

    >>> overlap(["x", "y"], ["y", "x"])
    0.5
    """
    depth = max(len(a), len(b))
    return sum(len({*a[:d]} & {*b[:d]}) / d for d in range(1, depth + 1)) / depth if depth else 1.0


def compare(a: pd.DataFrame, b: pd.DataFrame) -> list[Changed]:
    """The lists of users whom both have, the least alike first.

    Args:
        a: a row a user and rank: user_id, rank, item_id, title.
        b: likewise.
    """
    first, second = (_lists(table) for table in (a, b))
    both = [
        Changed(user, ours, second[user], overlap(_ids(ours), _ids(second[user])))
        for user, ours in first.items()
        if user in second
    ]
    return sorted(both, key=lambda found: (found.overlap, found.user))


def _ids(listed: list[Listed]) -> list[str]:
    return [item.item_id for item in listed]


def _lists(table: pd.DataFrame) -> dict[str, list[Listed]]:
    rows = table.sort_values(["user_id", "rank"])
    found: dict[str, list[Listed]] = {}
    for user, item, title in zip(rows["user_id"], rows["item_id"], rows["title"], strict=True):
        found.setdefault(user, []).append(Listed(item, title))
    return found


def came(found: Changed) -> list[Listed]:
    """What is on the second list alone."""
    return [item for item in found.b if item.item_id not in _ids(found.a)]


def went(found: Changed) -> list[Listed]:
    """What is on the first list alone."""
    return [item for item in found.a if item.item_id not in _ids(found.b)]
