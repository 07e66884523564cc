"""Values for parameters, written as `dvc exp run -S` takes them: `model.vision=dino`, `model.pca=0,32`.

`preset=models/vbpr` stands for all values of a preset.
"""

import itertools
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusionrec import trees
from fusionrec.errors import UserError
from fusionrec.experiments import presets
from fusionrec.experiments.names import PRESET

if TYPE_CHECKING:
    from hydra.core.override_parser.types import Override


def one(name: str, value: Any) -> str:
    """`name=value` in the grammar of -S; floats have six significant digits."""
    if isinstance(value, bool):
        return f"{name}={str(value).lower()}"
    if isinstance(value, float):
        return f"{name}={value:.6g}"
    return f"{name}={'null' if value is None else value}"


def apply(path: Path, settings: Iterable[str]) -> None:
    """Write the values into the file of parameters.

    Only the lines of these parameters change, whereas -S reformats the whole file. Presets are those beside it.

    Raises:
        UserError: if one of `settings` is not `parameter=value`, or the file has no such parameter, or there is no such
            preset.
    """
    from dvc.utils.serialize import modify_yaml  # type: ignore[import-untyped]

    with modify_yaml(path) as tree:
        for setting in settings:
            for name, value in _expanded(setting, tree, path).items():
                trees.put(tree, name, value)


def applied(tree: Any, settings: Iterable[str], path: Path) -> Any:
    """A copy of all parameters, in nested mappings, with the values that `settings` stand for; see `apply`."""
    for setting in settings:
        tree = trees.changed(tree, _expanded(setting, tree, path))
    return tree


def _expanded(setting: str, tree: Any, path: Path) -> dict[str, Any]:
    """The values by parameter that `setting` stands for."""
    if setting.startswith(PRESET):
        return presets.settings([setting.removeprefix(PRESET)], tree, path.parent / presets.FOLDER)
    return dict([parsed(setting, tree, path.name)])


def parsed(setting: str, tree: Any, source: str = "params.yaml") -> tuple[str, Any]:
    """The name of a parameter and its value, of `parameter=value`.

    Args:
        setting: as -S takes it.
        tree: all parameters, in nested mappings.
        source: name of their file, for messages.

    Raises:
        UserError: if it is not `parameter=value`, or there is no such parameter.
    """
    from hydra.core.override_parser.types import QuotedString

    override = _parse(setting)
    node, value = tree, override.value()
    for part in override.key_or_group.split("."):
        if not isinstance(node, dict) or part not in node:
            raise UserError(f"`{setting}`: {source} has no parameter `{override.key_or_group}`")
        node = node[part]
    return override.key_or_group, value.text if isinstance(value, QuotedString) else value


def _parse(setting: str) -> "Override":
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.override_parser.types import OverrideType
    from hydra.errors import HydraException

    try:
        override = OverridesParser.create().parse_override(setting)
    except HydraException as error:
        reason = str(error).splitlines()[0]
        raise UserError(f"`{setting}` is not parameter=value,value,...: {reason}") from None
    if not override.key_or_group or override.type != OverrideType.CHANGE:
        raise UserError(
            f"`{setting}` is not parameter=value,value,...: parameters cannot be added or removed"
        )
    return override


def grid(choices: Iterable[str]) -> list[tuple[str, list[str]]]:
    """All combinations of `choices`, the first varies fastest.

    Returns:
        For each combination a name, made of the values that differ between combinations, and its overrides.

    Raises:
        UserError: if one of `choices` is not `parameter=value,value,...`.
    """
    axes = [_values(choice) for choice in reversed(list(choices))]
    combinations = [list(reversed(combination)) for combination in itertools.product(*axes)]
    several = [len(axis) > 1 for axis in reversed(axes)]
    return [
        ("-".join(_short(point) for point, varies in zip(points, several, strict=True) if varies), points)
        for points in combinations
    ]


def _values(choice: str) -> list[str]:
    """`a=1,2` as a=1 and a=2; a list in brackets is one value."""
    override = _parse(choice)
    if not override.is_sweep_override():
        return [choice]
    return [f"{override.key_or_group}={value}" for value in override.sweep_string_iterator()]


def _short(override: str) -> str:
    """An override in the name of an experiment: a word alone, a number or truth value after its parameter.

    A preset is named without its folder.
    """
    if override.startswith(PRESET):
        return override.rpartition("/")[2]
    name, value = override.split("=", 1)
    leaf = "split" if name == "splits.seed" else name.split(".")[-1]
    is_word = re.fullmatch(r"[A-Za-z][\w-]*", value) and value.lower() not in ("true", "false", "null")
    text = value if is_word else f"{leaf}-{value.lower()}"
    return re.sub(r"[^\w.]+", "-", text).strip("-.")
