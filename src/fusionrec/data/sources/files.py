"""Your own data in one folder: a table of items, a log of interactions, and pictures named after items."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, ClassVar, Literal

import pandas as pd

from fusionrec.data.reading import named_pictures, notation, pictures, tables
from fusionrec.data.reading.csv_files import Column, Lines
from fusionrec.data.reading.dataset import Dataset, completed, rejections
from fusionrec.data.reading.folders import inside
from fusionrec.data.reading.pictures import Pictures
from fusionrec.data.reading.tables import Format
from fusionrec.errors import UserError
from fusionrec.params import Section

KINDS = {"category": "categories", "number": "numbers", "date": "dates"}  # prefix of our column -> parameter
IDS = ["user_id", "item_id"]
AS_BEFORE = {"delimiter": ",", "encoding": "utf-8", "decimal": ".", "time": None}


class Columns(Section):
    """Names of the columns in your files; null says that there is none.

    `interactions_item` is the item in the interactions, if it has another name there. `split` is the column that says
    which part an interaction belongs to, for `splits.strategy: given`. `image` holds the path of each item's picture,
    relative to `raw.files.images`; null: pictures are named after the item's id.
    """

    before: ClassVar[dict[str, Any]] = {"interactions_item": None, "split": None, "image": None}
    item: str
    title: str | None
    description: str | None
    categories: list[str]
    numbers: list[str]
    dates: list[str]
    image: str | None
    interactions_item: str | None
    user: str
    timestamp: str | None
    rating: str | None
    split: str | None


class Options(Section):
    """Names of the two tables, of the folder of pictures, and of the columns; and how the tables are written.

    Instead of one file of interactions, there may be one for each part of a given split: {train: a.csv, test: b.csv}.
    Without a table of items, the items are those of the interactions, and the columns of that table mean nothing.
    """

    before: ClassVar[dict[str, Any]] = {"items_format": AS_BEFORE, "interactions_format": AS_BEFORE}
    items: str | None
    interactions: str | dict[Literal["train", "val", "test"], str]
    images: str | None
    items_format: Format
    interactions_format: Format
    columns: Columns


def read(folder: Path, extensions: list[str], own: Options) -> Dataset:
    """Read the tables as strings and list the pictures, which are loaded one by one when they are needed.

    Raises:
        UserError: if files or columns are missing, which are all named, or a file leads out of the folder or cannot
            be read.
    """
    _check(folder, own)
    log, lost = _interactions(folder, own)
    if own.items is None:
        items, refused = _occurring(log), []
    else:
        path = inside(folder, own.items, "raw.files.items")
        read = tables.read(path, "items", _of_items(own.columns), own.items_format)
        items, refused = _plain(read.table, own.items_format), read.refused
    images = _pictures(folder, items, extensions, own)
    items = items.drop(columns="image", errors="ignore")
    rejected = rejections([*refused, *lost, *images.refused])
    return Dataset(completed(items), log, rejected, images.blobs, has_items_table=own.items is not None)


def _check(folder: Path, own: Options) -> None:
    """Check that all files and columns are there, before rows are read: what is missing is told at once, not in turn.

    Raises:
        UserError: with a line for each file that is missing, cannot be read, or lacks columns.
    """
    logs = own.interactions.values() if isinstance(own.interactions, dict) else [own.interactions]
    wanted = [(log, "interactions", _of_interactions(own.columns), own.interactions_format) for log in logs]
    if own.items is not None:
        wanted.insert(0, (own.items, "items", _of_items(own.columns), own.items_format))
    problems = list[str]()
    for name, parameter, columns, form in wanted:
        with _noted(problems):
            tables.check(inside(folder, name, f"raw.files.{parameter}"), columns, form)
    if own.images is not None:
        with _noted(problems):
            inside(folder, own.images, "raw.files.images")
    if problems:
        raise UserError("\n".join(dict.fromkeys(problems)))


@contextmanager
def _noted(problems: list[str]) -> Iterator[None]:
    """Add the message of a `UserError` to `problems`, and go on."""
    try:
        yield
    except UserError as error:
        problems.append(str(error))


def _occurring(log: pd.DataFrame) -> pd.DataFrame:
    """A table of the items that occur in the interactions: whole numbers by size, then others."""
    ids = sorted(log["item_id"].dropna().unique(), key=lambda each: (not each.isdigit(), len(each), each))
    return pd.DataFrame({"row": range(1, len(ids) + 1), "item_id": pd.Series(ids, dtype="str")})


def _pictures(folder: Path, items: pd.DataFrame, extensions: list[str], own: Options) -> Pictures:
    """The pictures that a column names, or else those that are named after items.

    Raises:
        UserError: if the folder is missing, not given although a column names its files, or leads out of `folder`.
    """
    parameter = "raw.files.images"
    if own.columns.image is None or own.items is None:
        return pictures.beside(folder, own.images, parameter, items["item_id"], extensions)
    if own.images is None:
        raise UserError(
            f"raw.files.columns.image is {own.columns.image}, but {parameter} is null; set it to the folder of these "
            "files, or the former to null"
        )
    return named_pictures.find(inside(folder, own.images, parameter), items, extensions)


def _interactions(folder: Path, own: Options) -> Lines:
    """All files of interactions; rows are counted on from one file to the next."""
    named = own.interactions if isinstance(own.interactions, dict) else {None: own.interactions}
    wanted, form, before, parts = _of_interactions(own.columns), own.interactions_format, 0, []
    for part, name in named.items():
        path = inside(folder, name, "raw.files.interactions")
        table, refused = tables.read(path, "interactions", wanted, form, IDS)
        if part:
            table["split"] = pd.Categorical([part]).repeat(len(table))
        refused = [(kind, row and row + before, *rest) for kind, row, *rest in refused]  # type: ignore[misc]
        parts.append(Lines(table.assign(row=table["row"] + before), refused))
        before = max(
            [*parts[-1].table["row"].tail(1), *(row for _, row, *_ in refused if row)], default=before
        )
    log = parts[0].table if len(parts) == 1 else _joined([part.table for part in parts])
    return Lines(_plain(log, form), list(chain.from_iterable(part.refused for part in parts)))


def _joined(logs: list[pd.DataFrame]) -> pd.DataFrame:
    """One log after the other; ids stay categories."""
    ids = [name for name in ("user_id", "item_id", "split") if name in logs[0]]
    together = pd.concat([log.astype(dict.fromkeys(ids, "str")) for log in logs], ignore_index=True)
    return together.astype(dict.fromkeys(ids, "category"))


def _plain(table: pd.DataFrame, form: Format) -> pd.DataFrame:
    """Numbers and times in the notation that all sources share."""
    for column in map(str, table):
        if column == "rating" or column.startswith("number_"):
            table[column] = notation.numbers(table[column], form.decimal)
        elif column == "timestamp" or column.startswith("date_"):
            table[column] = notation.times(table[column], form.time)
    return table


def _of_items(columns: Columns) -> dict[str, Column]:
    wanted = _named(
        item_id=("item", columns.item),
        title=("title", columns.title),
        description=("description", columns.description),
        image=("image", columns.image),
    )
    for kind, parameter in KINDS.items():
        for name in getattr(columns, parameter):
            wanted[f"{kind}_{name}"] = Column(name, f"raw.files.columns.{parameter}")
    return wanted


def _of_interactions(columns: Columns) -> dict[str, Column]:
    item = ("interactions_item", columns.interactions_item)
    return _named(
        user_id=("user", columns.user),
        item_id=item if columns.interactions_item else ("item", columns.item),
        timestamp=("timestamp", columns.timestamp),
        rating=("rating", columns.rating),
        split=("split", columns.split),
    )


def _named(**columns: tuple[str, str | None]) -> dict[str, Column]:
    """The columns that are not switched off by null, from our name = (parameter, name in the file)."""
    return {
        ours: Column(name, f"raw.files.columns.{parameter}")
        for ours, (parameter, name) in columns.items()
        if name is not None
    }
