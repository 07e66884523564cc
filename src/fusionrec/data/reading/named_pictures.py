"""Pictures in a folder and in folders inside it, whose paths a column of the items holds."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import pandas as pd

from fusionrec.data.reading import jsonl
from fusionrec.data.reading.dataset import Rejection
from fusionrec.data.reading.pictures import Blobs, Pictures, refusal

ADDRESS = re.compile(r"(?i)(?:[a-z][a-z0-9+.-]+:)?//")
ABSOLUTE = re.compile(r"[/\\~]|[A-Za-z]:")


def find(folder: Path, items: pd.DataFrame, extensions: list[str]) -> Pictures:
    """The picture that each item names; several items may name the same one.

    Nothing outside of `folder` is looked at, and nothing is downloaded. Files that no item names are refused too.

    Args:
        folder: with the pictures.
        items: row, item_id, and image: a path relative to `folder`, or null if the item has no picture.
        extensions: in lower case, with the dot.
    """
    by_item, refused, named = dict[str, Path](), list[Rejection](), set[Path]()
    wanted = items[["row", "item_id", "image"]].dropna().itertuples(index=False, name=None)
    for row, item, value in wanted:
        reason = "second_picture" if item in by_item else _refusal(folder, item, value, extensions)
        if reason:
            refused.append(("pictures", row, jsonl.printable(item), reason, jsonl.printable(value)))
        else:
            by_item[item] = folder / value
            named.add(folder / value)
    refused.extend(_unnamed(folder, named))
    chosen = sorted(by_item)
    names = [f"{item}{by_item[item].suffix}" for item in chosen]
    return Pictures(Blobs([by_item[item] for item in chosen], names), refused)


def _refusal(folder: Path, item: str, value: str, extensions: list[str]) -> str | None:
    """Why an item does not get the picture that it names; None if it does."""
    path = PurePosixPath(value)
    if ADDRESS.match(value):
        return "address_and_no_file"
    if ABSOLUTE.match(value):
        return "absolute_path"
    if ".." in re.split(r"[/\\]", value):
        return "path_out_of_folder"
    if not value.isprintable():
        return "unreadable_name"
    if path.suffix.lower() not in extensions:
        return "unknown_suffix"
    if not item.isprintable() or PurePosixPath(f"{item}{path.suffix}").stem != item:
        return "item_id_is_no_file_name"
    return _misplaced(folder / path, folder) or refusal(folder / path, folder)


def _misplaced(path: Path, folder: Path) -> str | None:
    try:
        path.lstat()
    except OSError:  # also a name that is too long
        return "missing_file"
    within = path.parent == folder or path.parent.resolve().is_relative_to(folder.resolve())
    return None if within else "link_out_of_folder"


def _unnamed(folder: Path, named: Iterable[Path]) -> Iterator[Rejection]:
    known = {*named}
    for path in sorted(folder.rglob("*")):
        if path not in known and not path.is_dir():
            shown = jsonl.printable(path.relative_to(folder).as_posix())
            yield "pictures", None, jsonl.printable(path.stem), "unknown_item", shown
