"""A folder of one's own data: a table of items, a log of interactions, and pictures named after items."""

from pathlib import Path

from fusionrec import params
from fusionrec.data.sources import pictures, tables
from fusionrec.data.sources.dataset import Dataset, completed, rejections
from fusionrec.data.sources.paths import inside
from fusionrec.data.sources.tables import Column

KINDS = {"category": "categories", "number": "numbers", "date": "dates"}  # our prefix -> the parameter


def read(root: Path, options: params.Raw) -> Dataset:
    """Read the tables as strings and find the pictures; these are loaded as they are asked for.

    Raises:
        UserError: if a file or column is missing, leaves the folder, or cannot be read.
    """
    names = options.files
    items = tables.read(inside(root, names.items, "raw.files.items"), _of_items(names.columns))
    log = tables.read(
        inside(root, names.interactions, "raw.files.interactions"),
        _of_interactions(names.columns),
        categories=["user_id", "item_id"],
    )
    found = pictures.beside(root, names.images, "raw.files.images", items["item_id"], options.extensions)
    return Dataset(completed(items), log, rejections(found.refused), found.blobs)


def _of_items(columns: params.Columns) -> dict[str, Column]:
    wanted = _named(
        item_id=("item", columns.item),
        title=("title", columns.title),
        description=("description", columns.description),
    )
    for kind, parameter in KINDS.items():
        for name in getattr(columns, parameter):
            wanted[f"{kind}_{name}"] = Column(name, f"raw.files.columns.{parameter}")
    return wanted


def _of_interactions(columns: params.Columns) -> dict[str, Column]:
    return _named(
        user_id=("user", columns.user),
        item_id=("item", columns.item),
        timestamp=("timestamp", columns.timestamp),
        rating=("rating", columns.rating),
    )


def _named(**columns: tuple[str, str | None]) -> dict[str, Column]:
    """Our name = (parameter, name in the file), without those that are switched off by null."""
    return {
        ours: Column(name, f"raw.files.columns.{parameter}")
        for ours, (parameter, name) in columns.items()
        if name is not None
    }
