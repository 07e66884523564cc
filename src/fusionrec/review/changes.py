"""What differs between two mappings of values, such as flat parameters or metrics."""

import json
from typing import Any, NamedTuple


class Change(NamedTuple):
    """The values of `a` and `b` under one name; None where there is none."""

    name: str
    a: Any
    b: Any


def between(a: dict[str, Any], b: dict[str, Any]) -> list[Change]:
    """The names whose values differ, in the order of `b`, then those that only `a` has.

    >>> between({"x": 1, "y": 2}, {"x": 1, "z": 3})
    [Change(name='z', a=None, b=3), Change(name='y', a=2, b=None)]
    """
    names = [*b, *(name for name in a if name not in b)]
    return [Change(name, a.get(name), b.get(name)) for name in names if a.get(name) != b.get(name)]


def shown(value: Any) -> str:
    """A value as text: floats with six significant digits, a dash where it is absent."""
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.6g}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def difference(change: Change) -> str:
    """b - a with its sign; empty unless both are numbers."""
    if any(isinstance(value, bool) or not isinstance(value, int | float) for value in change[1:]):
        return ""
    return f"{change.b - change.a:+.6g}"
