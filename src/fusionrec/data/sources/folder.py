"""A folder of one's own data: a table of items, a log of interactions, and pictures named after items."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fusionrec import params
from fusionrec.data.sources.dataset import Dataset, Rejection, rejections
from fusionrec.errors import UserError

SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}


def read(folder: Path | str, options: params.Files) -> Dataset:
    """Read the tables as strings and find the pictures; these are loaded as they are asked for.

    Raises:
        UserError: if a file or column is missing, leaves the folder, or cannot be read.
    """
    folder, columns = Path(folder), options.columns
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; set raw.input to the folder of your data")
    wanted: dict[str, tuple[str, str | None]] = {
        "item_id": ("item", columns.item),
        "title": ("title", columns.title),
        "description": ("description", columns.description),
    }
    wanted |= {f"category_{name}": ("categories", name) for name in columns.categories}
    wanted |= {f"number_{name}": ("numbers", name) for name in columns.numbers}
    items = _read_table(_inside(folder, options.items, "items"), wanted)
    for name in ("title", "description"):
        if name not in items:
            items[name] = pd.Series(None, items.index, dtype="str")
    logged: dict[str, tuple[str, str | None]] = {
        "user_id": ("user", columns.user),
        "item_id": ("item", columns.item),
        "timestamp": ("timestamp", columns.timestamp),
        "rating": ("rating", columns.rating),
    }
    log = _read_table(_inside(folder, options.interactions, "interactions"), logged)
    pictures, rejected = find_pictures(
        _inside(folder, options.images, "images"), set(items["item_id"].dropna())
    )
    return Dataset(items, log, rejected, _load(pictures))


def _inside(folder: Path, name: str, parameter: str) -> Path:
    """`folder/name`; DVC watches `raw.input` alone, so whatever lies elsewhere is refused."""
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise UserError(f"{path} leads out of {folder}; raw.files.{parameter} must lie inside raw.input")
    if not path.exists():
        raise UserError(f"{path}: not found; set raw.files.{parameter}, relative to raw.input")
    return path


def _read_table(path: Path, wanted: dict[str, tuple[str, str | None]]) -> pd.DataFrame:
    """The columns of a CSV file as strings, under our names, with `row` before them.

    Args:
        path: a UTF-8 file with a header.
        wanted: our name -> (the parameter that names it, its name in the file; None where there is none).

    Raises:
        UserError: if a column is missing, the file has no rows, is not UTF-8, or has ragged rows.
    """
    named = {ours: (parameter, theirs) for ours, (parameter, theirs) in wanted.items() if theirs is not None}
    header = _header(path)
    for parameter, theirs in named.values():
        if header.count(theirs) != 1:
            problem = "no column" if theirs not in header else "more than one column"
            known = ", ".join(header)
            raise UserError(
                f"{path}: {problem} {theirs!r}; set raw.files.columns.{parameter} to one of: {known}"
            )
    read = _read_strings(path, header)
    table = pd.DataFrame({ours: read[theirs].to_numpy() for ours, (_, theirs) in named.items()}, dtype="str")
    if table.empty:
        raise UserError(f"{path}: no rows below the header")
    table.insert(0, "row", np.arange(1, len(table) + 1))
    return table


def _header(path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
    except UnicodeDecodeError:
        raise UserError(f"{path}, line {_bad_line(path)}: not UTF-8; save the file as UTF-8") from None
    except (OSError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read: {error}") from None
    if not header:
        raise UserError(f"{path}: empty; it needs a header and rows")
    return header


def _read_strings(path: Path, header: list[str]) -> pd.DataFrame:
    """All of a CSV file as strings; pyarrow, unlike pandas, refuses rows that are too short."""
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    ragged: list[Any] = []

    def note(row: Any) -> str:
        ragged.append(row)
        return "error"

    try:
        table = arrow_csv.read_csv(
            path,
            arrow_csv.ReadOptions(use_threads=False),  # otherwise rows have no numbers
            arrow_csv.ParseOptions(newlines_in_values=True, invalid_row_handler=note),
            arrow_csv.ConvertOptions(
                column_types=dict.fromkeys(header, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
            ),
        )
    except pa.ArrowInvalid as error:
        if ragged:
            row = ragged[0]
            raise UserError(
                f"{path}, row {row.number - 1} below the header: {row.actual_columns} values instead of "
                f"{row.expected_columns} in {row.text[:60]!r}; quote values that contain commas"
            ) from None
        line = _bad_line(path)
        if line:
            raise UserError(f"{path}, line {line}: not UTF-8; save the file as UTF-8") from None
        raise UserError(f"{path}: not readable as CSV: {error}") from None
    return table.to_pandas()


def _bad_line(path: Path) -> int | None:
    """The number of the first line that is not UTF-8."""
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return None


def find_pictures(folder: Path, item_ids: set[str]) -> tuple[list[Path], pd.DataFrame]:
    """One picture an item, found by listing `folder`: no path is ever made from an id.

    Returns:
        The paths, sorted by item id, and the files that were refused, with reasons.

    Raises:
        UserError: if the folder cannot be listed.
    """
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror}); see raw.files.images") from None
    found: dict[str, Path] = {}
    refused: list[Rejection] = []
    root = folder.resolve()
    for path in paths:
        reason = _refusal(path, root, item_ids, found)
        if reason:
            refused.append(("pictures", None, path.stem, reason, path.name))
        else:
            found[path.stem] = path
    return [found[item] for item in sorted(found)], rejections(refused)


def _refusal(path: Path, root: Path, item_ids: set[str], found: dict[str, Path]) -> str | None:
    if not path.resolve().is_relative_to(root):
        return "link_out_of_folder"
    if not path.is_file():
        return "not_a_file"
    if path.suffix.lower() not in SUFFIXES:
        return "unknown_suffix"
    if path.stem not in item_ids:
        return "unknown_item"
    if path.stem in found:
        return "second_picture"
    return None


def _load(paths: list[Path]) -> Iterator[tuple[str, bytes]]:
    for path in paths:
        try:
            yield path.name, path.read_bytes()
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from None
