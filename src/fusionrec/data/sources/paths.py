"""Where a source may read: inside `raw.input`, which is all that DVC watches."""

from pathlib import Path

from fusionrec.errors import UserError


def existing(root: Path) -> Path:
    """`root` itself.

    Raises:
        UserError: if it is no folder.
    """
    if not root.is_dir():
        raise UserError(f"{root}: no such folder; set raw.input to the folder of your data")
    return root


def inside(root: Path, name: str, parameter: str) -> Path:
    """`root/name`, a file or folder; `parameter` is what to set if it is not there.

    Raises:
        UserError: if there is none, or if a link or `..` leads out of `root`.
    """
    path = existing(root) / name
    if not path.resolve().is_relative_to(root.resolve()):
        raise UserError(f"{path} leads out of {root}, which is all that DVC watches; set {parameter}")
    if not path.exists():
        raise UserError(f"{path}: not found; set {parameter}")
    if not (path.is_file() or path.is_dir()):  # a pipe would be waited for
        raise UserError(f"{path}: not a file; set {parameter}")
    return path
