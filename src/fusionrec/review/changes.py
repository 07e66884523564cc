"""What differs between two trees of values, such as params.yaml or a file of metrics."""

import json
from typing import Any, NamedTuple


class Change(NamedTuple):
    """A value of `a` and of `b` under one name; None where it is absent."""

    name: str
    a: Any
    b: Any


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves by dotted name; a list, and an empty mapping, is a leaf.

    >>> flat({"model": {"dim": 32, "numbers": [1]}, "seed": 1})
    {'model.dim': 32, 'model.numbers': [1], 'seed': 1}
    """
    found: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, dict) and value else {name: value}
    return found


def between(a: dict[str, Any], b: dict[str, Any]) -> list[Change]:
    """Names, of either, whose values differ, in the order of `b` and then of what only `a` has.

    >>> between({"x": 1, "y": 2}, {"x": 1, "z": 3})
    [Change(name='z', a=None, b=3), Change(name='y', a=2, b=None)]
    """
    names = [*b, *(name for name in a if name not in b)]
    return [Change(name, a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)]


def shown(value: Any) -> str:
    """A value in words: numbers with six digits, a dash where it is absent."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def difference(change: Change) -> str:
    """b - a with its sign; empty where one of them is no number."""
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in change[1:]):
        return ""
    return f"{change.b - change.a:+.6g}"
