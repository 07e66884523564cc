"""Trees of values, such as params.yaml or a file of metrics."""

from typing import Any


def flat(tree: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Leaves by dotted name; a list, and an empty mapping, is a leaf.

    >>> flat({"model": {"dim": 32, "numbers": [1]}, "seed": 1})
    {'model.dim': 32, 'model.numbers': [1], 'seed': 1}
    """
    leaves: dict[str, Any] = {}
    for key, value in tree.items():
        name = f"{prefix}{key}"
        leaves |= flat(value, f"{name}.") if isinstance(value, dict) and value else {name: value}
    return leaves


def value(tree: Any, name: str) -> Any:
    """What a dotted name stands for; None where there is no such leaf or subtree.

    >>> value({"model": {"dim": 32}}, "model.dim"), value({}, "model.dim")
    (32, None)
    """
    for part in name.split("."):
        tree = tree.get(part) if isinstance(tree, dict) else None
    return tree
