"""Pictures in a folder, named after items: 17.jpg is the picture of item 17."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fusionrec.data.reading import jsonl
from fusionrec.data.reading.dataset import Rejection
from fusionrec.data.reading.folders import inside
from fusionrec.errors import UserError


class Pictures(NamedTuple):
    """Attributes: see `fusionrec.data.reading.dataset.Dataset`; `blobs` are loaded one by one."""

    blobs: Iterable[tuple[str, bytes]]
    refused: list[Rejection]


LARGEST = 1 << 28  # bytes of a picture, which are read at once
NONE = Pictures([], [])


def beside(
    root: Path, name: str | None, parameter: str, item_ids: pd.Series, extensions: list[str]
) -> Pictures:
    """The pictures in the folder `root/name`, see `find`; none if `name` is null.

    Raises:
        UserError: if the folder does not exist, or leads out of `root`; `parameter` is the one to fix.
    """
    if name is None:
        return NONE
    return find(inside(root, name, parameter), item_ids.dropna(), extensions)


def find(folder: Path, item_ids: Iterable[str], extensions: list[str]) -> Pictures:
    """One picture per item, found by listing `folder`: no path is ever made from an id.

    Args:
        folder: its subfolders are not searched.
        item_ids: of the items that may have a picture.
        extensions: in lower case, with the dot.

    Raises:
        UserError: if the folder cannot be listed, and, later, if a file cannot be read.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror}); it must be a folder") from None
    known, by_item = set(item_ids), dict[str, Path]()
    refused: list[Rejection] = []
    for path in paths:
        reason = refusal(path, folder) or _mismatch(path, known, by_item, extensions)
        if reason:
            stem, name = (jsonl.printable(part) for part in (path.stem, path.name))
            refused.append(("pictures", None, stem, reason, name))
        else:
            by_item[path.stem] = path
    return Pictures(Blobs([by_item[item] for item in sorted(by_item)]), refused)


def refusal(path: Path, folder: Path) -> str | None:
    """Why a file in `folder`, or a folder inside it, is not read; None if it is."""
    if not path.name.isprintable():  # also a name that is not UTF-8
        return "unreadable_name"
    try:
        if path.is_symlink() and not path.resolve(strict=True).is_relative_to(folder.resolve()):
            return "link_out_of_folder"
        if not path.is_file():
            return "not_a_file"
        return "too_large" if path.stat().st_size > LARGEST else None
    except (OSError, RuntimeError):  # a link to nothing, or a loop of links
        return "broken_link"


def _mismatch(path: Path, known: set[str], by_item: dict[str, Path], extensions: list[str]) -> str | None:
    if path.suffix.lower() not in extensions:
        return "unknown_suffix"
    if path.stem not in known:
        return "unknown_item"
    return "second_picture" if path.stem in by_item else None


class Blobs:
    """(name, bytes) of files, read one after the other each time that it is iterated.

    Args:
        paths: of the files.
        names: to use instead of the names of the files.
    """

    def __init__(self, paths: list[Path], names: list[str] | None = None):
        self.paths, self.names = paths, names or [path.name for path in paths]

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        for name, path in zip(self.names, self.paths, strict=True):
            try:
                yield name, path.read_bytes()
            except OSError as error:
                raise UserError(f"{path}: cannot be read ({error.strerror})") from None
