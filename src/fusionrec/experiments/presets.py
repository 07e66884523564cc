"""Presets: some parameters of params.yaml in a file of their own, such as those of a paper or of a benchmark."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from fusionrec import files, params, sections, trees
from fusionrec.checking import writing
from fusionrec.checking.guess import Setting
from fusionrec.errors import UserError

FOLDER = Path("presets")
INCLUDED = "presets"  # the key, in the file of a preset, of the presets that come before it


def available(folder: Path = FOLDER) -> dict[str, Path]:
    """The files of all presets, by name: `models/vbpr`."""
    return {
        path.relative_to(folder).with_suffix("").as_posix(): path for path in sorted(folder.rglob("*.yaml"))
    }


def summary(path: Path) -> str:
    """The first comment line of a preset; empty if it has none."""
    lines = path.read_text(encoding="utf-8").splitlines()
    return next((line.lstrip("# ") for line in lines if line.startswith("#")), "")


def settings(names: Iterable[str], tree: dict[str, Any], folder: Path = FOLDER) -> dict[str, Any]:
    """The parameters that presets set, by full name; a later preset wins.

    Args:
        names: of the presets.
        tree: all parameters, in nested mappings.
        folder: of the presets.

    Raises:
        UserError: if there is no such preset, or it sets a parameter that `tree` does not have.
    """
    known = available(folder)
    found: dict[str, Any] = {}
    for name in names:
        if name not in known:
            raise UserError(f"there is no preset `{name}`; there are {', '.join(known) or 'none'}")
        found |= _read(known[name], tree, folder)
    return found


def apply(path: Path, names: Iterable[str], folder: Path = FOLDER) -> list[str]:
    """Write presets into a file of parameters; its comments stay.

    Returns:
        The full names of the parameters that the presets set.

    Raises:
        UserError: see `settings`; or if the parameters are not valid. Then nothing is written.
    """
    tree = params.read(str(path))
    found = settings(names, tree, folder)
    sections.parse(trees.changed(tree, found), str(path))
    changed = {name: Setting(value, "") for name, value in found.items()}
    files.write_text(path, writing.patched(path.read_text(encoding="utf-8"), changed))
    return [*found]


def _read(path: Path, tree: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The parameters of a preset by full name, and of those that it includes.

    Raises:
        UserError: if it is no mapping, or sets a parameter that `tree` does not have.
    """
    try:
        preset = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not YAML: {error}; fix the file") from None
    if not isinstance(preset, dict):
        raise UserError(f"{path} has no parameters; write them as in params.yaml")
    before = settings(preset.pop(INCLUDED, []), tree, folder)
    own = _leaves(preset, tree)
    for name in own:
        section, _, leaf = name.rpartition(".")
        parent = trees.value(tree, section) if section else tree
        if not isinstance(parent, dict) or leaf not in parent:
            raise UserError(f"{path}: params.yaml has no parameter `{name}`; fix the file")
    return before | own


def _leaves(preset: dict[str, Any], tree: Any, prefix: str = "") -> dict[str, Any]:
    """The values of `preset` by full name; a mapping is a section where `tree` has one, and otherwise a value."""
    found: dict[str, Any] = {}
    for key, value in preset.items():
        there = tree.get(key) if isinstance(tree, dict) else None
        section = isinstance(value, dict) and value and isinstance(there, dict) and there
        found |= _leaves(value, there, f"{prefix}{key}.") if section else {f"{prefix}{key}": value}
    return found
