"""Any folder with a table of items, a log of interactions and a folder of pictures."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fusionrec import params
from fusionrec.data.sources.dataset import Dataset, rejections
from fusionrec.errors import UserError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
CONFIG = "raw.files.columns"


def read(folder: Path, options: params.Files) -> Dataset:
    """Read the tables as strings and find the pictures.

    Raises:
        UserError: if a file, folder or column is missing, empty or unreadable.
    """
    columns = options.columns
    items = _table(folder / options.items)
    named = {"item_id": (columns.item, "item"), "title": (columns.title, "title")}
    named["description"] = (columns.description, "description")
    named |= {f"category_{name}": (name, "categories") for name in columns.categories}
    named |= {f"number_{name}": (name, "numbers") for name in columns.numbers}
    log = {"user_id": (columns.user, "user"), "item_id": (columns.item, "item")}
    log["timestamp"] = (columns.timestamp, "timestamp")
    if columns.rating:
        log["rating"] = (columns.rating, "rating")
    interactions = _select(_table(folder / options.interactions), log, folder / options.interactions)
    items = _select(items, named, folder / options.items)
    pictures, rejected = _pictures(folder / options.images, set(items["item_id"].dropna()))
    return Dataset(items, interactions, rejected, _bytes(pictures))


def _table(path: Path) -> pd.DataFrame:
    if not path.is_file():
        raise UserError(f"{path}: not found; raw.input is the folder, raw.files.* the names in it")
    try:
        table = pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""], encoding="utf-8-sig")
    except pd.errors.EmptyDataError:
        raise UserError(f"{path}: empty; it needs a header and at least one row") from None
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"{path}: not a UTF-8 CSV table: {reason}; save it as CSV with one header row") from None
    if table.empty:
        raise UserError(f"{path}: has a header and no rows")
    table.insert(0, "row", np.arange(1, len(table) + 1))
    return table


def _select(table: pd.DataFrame, columns: dict[str, tuple[str | None, str]], path: Path) -> pd.DataFrame:
    """Columns under their names here; a column that is mapped to null is empty."""
    selected = {"row": table["row"]}
    for name, (column, key) in columns.items():
        if column is not None and column not in table:
            known = ", ".join(map(str, table.columns[1:]))
            raise UserError(f"{path}: no column {column!r}; set {CONFIG}.{key} to one of: {known}")
        empty = pd.Series([None] * len(table), dtype="str")
        selected[name] = empty if column is None else table[column]
    return pd.DataFrame(selected)


def _pictures(folder: Path, items: set[str]) -> tuple[list[Path], pd.DataFrame]:
    """The picture of each item, by listing the folder: no path is ever made from what a table says."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES)
    except OSError as error:
        raise UserError(f"{folder}: cannot read the folder of pictures ({error.strerror}); see raw.files.images") from None
    found: dict[str, Path] = {}
    rejected: list[tuple[str, int | None, str, str, str]] = []
    for path in paths:
        if not path.is_file() or not path.resolve().is_relative_to(folder.resolve()):
            rejected.append(("images", None, path.stem, "not a file inside the folder", path.name))
        elif path.stem not in items:
            rejected.append(("images", None, path.stem, "no such item", path.name))
        elif path.stem in found:
            rejected.append(("images", None, path.stem, "item has a picture already", path.name))
        else:
            found[path.stem] = path
    return [found[item] for item in sorted(found)], rejections(rejected)


def _bytes(paths: list[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        yield path.name, path.read_bytes()
