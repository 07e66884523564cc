"""Slices in which a metric fell."""

from typing import Any, NamedTuple

Interval = dict[str, float]


class Fall(NamedTuple):
    """A slice that got worse.

    Attributes:
        group: what divides.
        name: which part.
        users: whom the second mean is over.
        a: {mean, low, high}.
        b: likewise.
        apart: whether the intervals do not touch. Where they do, the fall may be chance, and may not be.
    """

    group: str
    name: str
    users: int
    a: Interval
    b: Interval
    apart: bool


def falls(a: dict[str, Any], b: dict[str, Any], metric: str) -> list[Fall]:
    """What is worse in `b`: those whose intervals are apart first, then the deepest fall.

    Args:
        a: {group: {slice: {users, metric: {mean, low, high}}}} of a recommender, as in metrics/slices.json.
        b: likewise; slices that only one of them has are left out.
        metric: such as ndcg@10; higher is better.
    """
    found = []
    for group, parts in b.items():
        for name, part in parts.items():
            before, after = a.get(group, {}).get(name, {}).get(metric), part.get(metric)
            if before and after and after["mean"] < before["mean"]:
                apart = after["high"] < before["low"]
                found.append(Fall(group, name, part["users"], before, after, apart))
    return sorted(found, key=lambda fall: (not fall.apart, fall.b["mean"] - fall.a["mean"]))
