"""Paths that a source may read: inside `raw.input`, because DVC tracks nothing else."""

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
