"""Asks Git about a repository."""

import subprocess
from pathlib import Path
from typing import Any

from fusionrec import trees
from fusionrec.errors import UserError

PARAMS = "params.yaml"


def git(root: Path, *arguments: str) -> str:
    """What Git prints, without the last line end.

    Raises:
        UserError: if it fails.
    """
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"`git {' '.join(arguments)}` failed: {done.stderr.strip()}")
    return done.stdout.removesuffix("\n")


def holds(root: Path, *arguments: str) -> bool:
    """Whether Git ends without an error."""
    return not subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=False).returncode


def changed_parameters(root: Path) -> dict[str, tuple[Any, Any]]:
    """The values in the commit and in params.yaml of each parameter that differs, by dotted name; None: it has none.

    Empty without Git or a commit, or if one of the two is not valid YAML.
    """
    import yaml  # late: the stage `code` does not need it

    try:
        texts = [git(root, "show", f"HEAD:./{PARAMS}"), (root / PARAMS).read_text(encoding="utf-8")]
        before, now = (trees.flat(yaml.load(text, yaml.CSafeLoader)) for text in texts)
    except (UserError, OSError, yaml.YAMLError, AttributeError):
        return {}
    names = [*now, *(name for name in before if name not in now)]
    pairs = {name: (before.get(name), now.get(name)) for name in names}
    return {name: (old, new) for name, (old, new) in pairs.items() if old != new}
