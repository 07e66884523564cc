"""Names of parameters in the sections `search` and `variants`: each must be in params.yaml."""

from typing import Any

from fusionrec import trees
from fusionrec.errors import UserError
from fusionrec.experiments.options import Dimension

SECTIONS = ("cache", "encoders", "model", "train")  # the others decide which data validation uses
FIXED = ("train.monitor", "train.direction", "train.resume_from", "train.wandb")
PRESET = "preset="


def check_space(space: dict[str, Dimension], tree: dict[str, Any]) -> None:
    """Check that `space` fits the parameters `tree`.

    Raises:
        UserError: naming the dimension that does not fit, and why.
    """
    earlier: set[str] = set()
    for name, dimension in space.items():
        where = f"search.space.{name}"
        if name.split(".")[0] not in SECTIONS or name in FIXED:
            allowed = ", ".join(SECTIONS)
            raise UserError(
                f"{where}: trials would be validated on different data or by another metric; a search may vary "
                f"parameters of {allowed}, except {', '.join(FIXED)}"
            )
        if not _is_value(tree, name.split(".")):
            raise UserError(f"{where}: params.yaml has no parameter `{name}`")
        if dimension.when and condition(dimension.when)[0] not in earlier:
            raise UserError(f"{where}.when: `{dimension.when}` must name a dimension above this one")
        earlier.add(name)


def _is_value(tree: Any, path: list[str]) -> bool:
    for part in path:
        if not isinstance(tree, dict) or part not in tree:
            return False
        tree = tree[part]
    return not isinstance(tree, dict)


def condition(when: str) -> tuple[str, set[str]]:
    """`a.b=x,y` as a.b and {a.b=x, a.b=y}."""
    name, values = when.split("=", 1)
    return name, {f"{name}={value.strip()}" for value in values.split(",")}


def check_variant(setting: str, tree: dict[str, Any]) -> None:
    """Check that `parameter=value,value,...` names a parameter; presets are checked when they are used.

    Raises:
        UserError: if it does not.
    """
    name, equals, _ = setting.partition("=")
    if not equals:
        raise UserError(f"`{setting}` is not parameter=value,value,...")
    section, _, leaf = name.rpartition(".")
    if not setting.startswith(PRESET) and leaf not in (trees.value(tree, section) or {}):
        raise UserError(f"`{setting}`: params.yaml has no parameter `{name}`")
