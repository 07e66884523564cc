"""Pictures in a folder, named after items: 17.jpg is the picture of item 17."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fusionrec.data.sources.dataset import Rejection
from fusionrec.data.sources.paths import inside
from fusionrec.errors import UserError


class Pictures(NamedTuple):
    """Attributes: see `fusionrec.data.sources.dataset.Dataset`; `blobs` are loaded as they are asked for."""

    blobs: Iterable[tuple[str, bytes]]
    refused: list[Rejection]


NONE = Pictures([], [])


def beside(
    root: Path, name: str | None, parameter: str, item_ids: pd.Series, extensions: list[str]
) -> Pictures:
    """Those in the folder `root/name`, see `find`; none where there is no such folder, which null says.

    Raises:
        UserError: if the folder is not there, or leads out of `root`; `parameter` names it.
    """
    if name is None:
        return NONE
    return find(inside(root, name, parameter), item_ids.dropna(), extensions)


def find(folder: Path, item_ids: Iterable[str], extensions: list[str]) -> Pictures:
    """One picture an item, found by listing `folder`: no path is ever made from an id.

    Args:
        folder: not searched deeper.
        item_ids: of the items that may have one.
        extensions: in lower case, with the dot.

    Raises:
        UserError: if the folder cannot be listed, and, later, if a file cannot be read.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror}); it must be a folder") from None
    known, found = set(item_ids), dict[str, Path]()
    refused: list[Rejection] = []
    for path in paths:
        reason = _refusal(path, folder) or _mismatch(path, known, found, extensions)
        if reason:
            refused.append(("pictures", None, path.stem, reason, path.name))
        else:
            found[path.stem] = path
    return Pictures(Blobs([found[item] for item in sorted(found)]), refused)


def _refusal(path: Path, folder: Path) -> str | None:
    if path.is_symlink() and not path.resolve().is_relative_to(folder.resolve()):
        return "link_out_of_folder"
    return None if path.is_file() else "not_a_file"


def _mismatch(path: Path, known: set[str], found: dict[str, Path], extensions: list[str]) -> str | None:
    if path.suffix.lower() not in extensions:
        return "unknown_suffix"
    if path.stem not in known:
        return "unknown_item"
    return "second_picture" if path.stem in found else None


class Blobs:
    """(name, bytes) of files, read one after the other and anew each time.

    Args:
        paths: of the files.
        names: what to call them, where that is not what the files are called.
    """

    def __init__(self, paths: list[Path], names: list[str] | None = None):
        self.paths, self.names = paths, names or [path.name for path in paths]

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for name, path in zip(self.names, self.paths, strict=True):
            try:
                yield name, path.read_bytes()
            except OSError as error:
                raise UserError(f"{path}: cannot be read ({error.strerror})") from None
