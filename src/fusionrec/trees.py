"""Nested mappings, such as params.yaml or a file of metrics."""

from collections.abc import Mapping
from copy import deepcopy
from functools import reduce
from operator import getitem
from typing import Any


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """All leaves by dotted name. Lists and empty mappings are leaves too.

    >>> flat({"model": {"dim": 32, "numbers": [1]}, "seed": 1})
    {'model.dim': 32, 'model.numbers': [1], 'seed': 1}
    """
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        leaves |= flat(value, f"{name}.") if isinstance(value, dict) and value else {name: value}
    return leaves


def put(tree: Any, name: str, value: Any) -> None:
    """Change the value at a dotted name, which must exist.

    >>> tree = {"model": {"dim": 32}}
    >>> put(tree, "model.dim", 64)
    >>> tree
    {'model': {'dim': 64}}
    """
    *sections, leaf = name.split(".")
    reduce(getitem, sections, tree)[leaf] = value


def changed(tree: Any, settings: Mapping[str, Any]) -> Any:
    """A copy with other values, by dotted names that must exist.

    >>> changed({"model": {"dim": 32}}, {"model.dim": 64})
    {'model': {'dim': 64}}
    """
    tree = deepcopy(tree)
    for name, new in settings.items():
        put(tree, name, new)
    return tree


def value(tree: Any, name: str) -> Any:
    """The leaf or subtree at a dotted name; None if it does not exist.

    >>> value({"model": {"dim": 32}}, "model.dim"), value({}, "model.dim")
    (32, None)
    """
    for part in name.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree
