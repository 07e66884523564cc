"""Vectors of items that others computed: NumPy arrays, and which item each row belongs to."""

import json
from collections.abc import Container
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec.data.reading.dataset import Rejection
from fusionrec.data.reading.folders import inside
from fusionrec.data.vector_options import VectorFile
from fusionrec.errors import UserError


class Given(NamedTuple):
    """Vectors of some items.

    Attributes:
        ids: of the items, sorted.
        matrix: float32 [len(ids), sum of the widths of all files]; zeros where a file has no vector of an item. If
            there are several files, each is scaled to unit mean square.
        refused: rows that belong to no item, or hold a value that is not finite.
    """

    ids: list[str]
    matrix: np.ndarray
    refused: list[Rejection]


def read(
    root: Path, named: list[VectorFile], parameter: str, items: pd.Series | None, known: Container[str]
) -> Given:
    """Read all files of one modality.

    Args:
        root: the folder of the data; nothing outside it is read.
        named: the files; may be empty.
        parameter: their full name, for messages.
        items: the ids in the table of items, in its order; null where there is none. None: there is no table.
        known: the ids of all items.

    Raises:
        UserError: if a file is missing, leads out of the folder, is no array of numbers, or ids and rows do not fit
            together.
    """
    refused: list[Rejection] = []
    parts = [
        _one(root, file, f"{parameter}[{number}]", items, known, refused) for number, file in enumerate(named)
    ]
    ids = sorted({item for rows, _ in parts for item in rows.index})
    columns = [np.zeros((len(ids), 0), np.float32)]
    for rows, matrix in parts:
        spread = float(np.sqrt(np.square(matrix, dtype=np.float64).mean())) if len(parts) > 1 else 1
        part = np.zeros((len(ids), matrix.shape[1]), np.float32)
        part[pd.Index(ids).get_indexer(rows.index)] = matrix / np.float32(spread or 1)
        columns.append(part)
    return Given(ids, np.concatenate(columns, 1), refused)


def _one(
    root: Path,
    named: VectorFile,
    parameter: str,
    items: pd.Series | None,
    known: Container[str],
    refused: list[Rejection],
) -> tuple[pd.Series, np.ndarray]:
    """The rows that can be used, by item id, and their vectors; the others go to `refused`."""
    path = inside(root, named.file, f"{parameter}.file")
    matrix = _array(path)
    if matrix.ndim != 2 or matrix.dtype.kind not in "fiu" or not matrix.shape[1]:
        raise UserError(f"{path}: holds {matrix.dtype} {list(matrix.shape)}; it needs numbers [items, width]")
    if named.ids is None and items is None:
        place, where, fits = pd.Series(np.arange(len(matrix))), "", True
    elif named.ids is None and items is not None:
        place = pd.Series(np.arange(len(items)), items.to_numpy())[items.notna().to_numpy()]
        where = f"the table of items has {len(items):,} rows; set {parameter}.ids to a file of ids"
        fits = len(matrix) == len(items)
    else:
        assert named.ids is not None
        ids_path = inside(root, named.ids, f"{parameter}.ids")
        place = _places(ids_path)
        where = f"{ids_path} names {len(place):,}"
        fits = bool(place.between(0, len(matrix) - 1).all()) and len(place) <= len(matrix)
    if not fits:
        raise UserError(f"{path}: has {len(matrix):,} rows, but {where}")
    place = place.rename(index=str)
    rows = matrix[place.to_numpy()]  # read once: the file is mapped into memory
    finite = np.isfinite(rows).all(1)
    reasons = np.where(
        ~finite, "not_finite", np.where([item in known for item in place.index], "", "unknown_item")
    )
    reasons = np.where(place.index.duplicated(), "duplicate_id", reasons)
    refused += [
        ("vectors", int(row) + 1, item, reason, path.name)
        for item, row, reason in zip(place.index, place, reasons, strict=True)
        if reason
    ]
    usable = reasons == ""
    return place[usable], rows[usable].astype(np.float32)


def _array(path: Path) -> Any:
    try:
        return np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:  # a damaged header is parsed as Python, and can raise nearly anything
        raise UserError(f"{path}: not a NumPy array without pickled objects: {error}") from None


def _places(path: Path) -> pd.Series:
    """The row of each id in a file of ids."""
    try:
        match path.suffix.lower():
            case ".npy":
                found: Any = _array(path).tolist()
            case ".json":
                found = json.loads(path.read_text(encoding="utf-8"))
            case _:
                found = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: cannot be read as ids: {error}") from None
    if isinstance(found, dict):
        names, rows = list(found), list(found.values())
    else:
        names = found if isinstance(found, list) else [None]
        rows = list(range(len(names)))
    simple = all(isinstance(name, str | int) for name in names) and all(isinstance(row, int) for row in rows)
    if not simple:
        raise UserError(f"{path}: needs a list of ids, or a mapping from id to row")
    return pd.Series(rows, [str(name) for name in names], dtype="int64")
