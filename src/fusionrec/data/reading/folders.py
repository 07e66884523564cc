"""Paths that a source may read: inside `raw.input`, because DVC tracks nothing else."""

from contextlib import suppress
from pathlib import Path

from fusionrec.errors import UserError


def existing(root: Path) -> Path:
    """`root` itself.

    Raises:
        UserError: if it is not a folder.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; set raw.input to the folder of your data")
    return root


def states(root: Path) -> dict[str, tuple[int, int, int]]:
    """Size, time and inode of each file in `root`, or of `root` itself: they tell whether something has changed."""
    paths = [root] if root.is_file() else [path for path in root.rglob("*") if path.is_file()]
    found = {}
    for path in paths:
        with suppress(OSError):  # deleted in the meantime
            state = path.stat()
            found[path.as_posix()] = state.st_size, state.st_mtime_ns, state.st_ino
    return found


def check_unchanged(root: Path, before: dict[str, tuple[int, int, int]]) -> None:
    """Check that the files of `root` are as they were: DVC notes their hashes only after they were read.

    Args:
        root: a file or folder.
        before: what `states` was then.

    Raises:
        UserError: with the first files that are new, have changed or are gone.
    """
    now = states(root)
    changed = sorted(path for path in before.keys() | now.keys() if before.get(path) != now.get(path))
    if changed:
        listed = ", ".join(changed[:3]) + (f" and {len(changed) - 3:,} more" if len(changed) > 3 else "")
        raise UserError(
            f"{root} has changed while it was read: {listed}; nothing was written; run `dvc repro` again"
        )


def inside(root: Path, name: str, parameter: str) -> Path:
    """`root/name`, a file or folder; `parameter` is the name of the parameter to fix if it does not exist.

    Raises:
        UserError: if it does not exist, or if a link or `..` leads out of `root`.
    """
    path = existing(root) / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{path} leads out of {root}, the only folder that DVC tracks; set {parameter}")
    if not path.exists():
        raise UserError(f"{path}: not found; set {parameter}")
    if not (path.is_file() or path.is_dir()):  # reading a pipe would block
        raise UserError(f"{path}: not a file; set {parameter}")
    return path
