"""Interactions as one JSON object that maps each user to a list of items: {"u1": [3, 5], "u2": [4]}."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from fusionrec.data.reading import csv_files, opening
from fusionrec.data.reading.csv_files import Column, Lines
from fusionrec.data.reading.dataset import Rejection
from fusionrec.data.reading.jsonl import printable
from fusionrec.errors import UserError

START = 1 << 16  # characters that tell a mapping from JSON lines
PAIR = "user_id", "item_id"


def is_mapping(path: Path) -> bool:
    """Whether a file begins like such an object: with a key, and a list as its value."""
    with opening.text(path, "utf-8") as file:
        start = file.read(START).lstrip()
    try:
        key, end = json.JSONDecoder().raw_decode(start.removeprefix("{").lstrip())
    except ValueError:
        return False
    rest = start.removeprefix("{").lstrip()[end:].lstrip()
    if not start.startswith("{") or not isinstance(key, str) or not rest.startswith(":"):
        return False
    line, _, others = start.partition("\n")
    return rest[1:].lstrip().startswith("[") and not (_is_json(line) and others.strip())


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def check_columns(path: Path, wanted: dict[str, Column]) -> None:
    """Check that only users and items are wanted.

    Raises:
        UserError: if other columns are wanted; all of them are named.
    """
    if others := [column for ours, column in wanted.items() if ours not in PAIR]:
        raise UserError(
            f"{path}: maps users to items and has no {' and no '.join(str(each.name) for each in others)}; set "
            f"{' and '.join(str(each.parameter) for each in others)} to null"
        )


def read(path: Path, name: str, wanted: dict[str, Column], categories: Collection[str] = ()) -> Lines:
    """All pairs as rows, numbered from 1; what is no id is refused.

    Args:
        path: the file, gzipped or not.
        name: of the table, for the rejections.
        wanted: our names of the columns; a mapping has users and items only.
        categories: which columns become categories.

    Raises:
        UserError: if the file is not JSON to its end, or other columns are wanted.
    """
    check_columns(path, wanted)
    users, items, numbers, refused = list[str](), list[str](), list[int](), list[Rejection]()
    for number, (user, item) in enumerate(_pairs(path), 1):
        if isinstance(item, bool) or not isinstance(item, str | int):
            refused.append((name, number, user, "not_an_id", printable(item)))
        else:
            users.append(user)
            items.append(str(item))
            numbers.append(number)
    kind = {
        each: pa.dictionary(pa.int32(), pa.string()) if each in categories else pa.string() for each in PAIR
    }
    arrays = {each: pa.array(values, kind[each]) for each, values in zip(PAIR, (users, items), strict=True)}
    return Lines(csv_files.numbered(pa.table(arrays), np.array(numbers, np.int64)), refused)


def _pairs(path: Path) -> list[tuple[str, Any]]:
    with opening.text(path, "utf-8") as file:
        try:
            mapping = json.load(file)
        except (ValueError, RecursionError) as error:
            raise UserError(
                f"{path}: not JSON ({error}); it begins like an object of users and items"
            ) from None
    return [
        (user, item) for user, own in mapping.items() for item in (own if isinstance(own, list) else [own])
    ]
