"""Your own data in one folder: a table of items, a log of interactions, and pictures named after items."""

from pathlib import Path

from fusionrec.data.reading import csv_files, pictures
from fusionrec.data.reading.csv_files import Column
from fusionrec.data.reading.dataset import Dataset, completed, rejections
from fusionrec.data.reading.folders import inside
from fusionrec.params import Section

KINDS = {"category": "categories", "number": "numbers", "date": "dates"}  # prefix of our column -> parameter


class Columns(Section):
    """Names of the columns in your files. `timestamp: null` and `rating: null` say that there is none."""

    item: str
    title: str | None
    description: str | None
    categories: list[str]
    numbers: list[str]
    dates: list[str]
    user: str
    timestamp: str | None
    rating: str | None


class Options(Section):
    """Names of the two tables, of the folder of pictures, and of the columns."""

    items: str
    interactions: str
    images: str
    columns: Columns


def read(folder: Path, extensions: list[str], own: Options) -> Dataset:
    """Read the tables as strings and list the pictures, which are loaded one by one when they are needed.

    Raises:
        UserError: if a file or column is missing, a file leads out of the folder, or cannot be read.
    """
    path = inside(folder, own.items, "raw.files.items")
    items, unread = csv_files.read(path, "items", _of_items(own.columns))
    path = inside(folder, own.interactions, "raw.files.interactions")
    ids = ["user_id", "item_id"]
    log, lost = csv_files.read(path, "interactions", _of_interactions(own.columns), ids)
    images = pictures.beside(folder, own.images, "raw.files.images", items["item_id"], extensions)
    return Dataset(completed(items), log, rejections([*unread, *lost, *images.refused]), images.blobs)


def _of_items(columns: Columns) -> dict[str, Column]:
    wanted = _named(
        item_id=("item", columns.item),
        title=("title", columns.title),
        description=("description", columns.description),
    )
    for kind, parameter in KINDS.items():
        for name in getattr(columns, parameter):
            wanted[f"{kind}_{name}"] = Column(name, f"raw.files.columns.{parameter}")
    return wanted


def _of_interactions(columns: Columns) -> dict[str, Column]:
    return _named(
        user_id=("user", columns.user),
        item_id=("item", columns.item),
        timestamp=("timestamp", columns.timestamp),
        rating=("rating", columns.rating),
    )


def _named(**columns: tuple[str, str | None]) -> dict[str, Column]:
    """The columns that are not switched off by null, from our name = (parameter, name in the file)."""
    return {
        ours: Column(name, f"raw.files.columns.{parameter}")
        for ours, (parameter, name) in columns.items()
        if name is not None
    }
