"""MicroLens: covers and titles of micro-videos, and who commented on them (Ni et al. 2023, arXiv:2309.15379).

The files are had from https://github.com/westlake-repl/MicroLens, which leads to
https://recsys.westlake.edu.cn/MicroLens-100k-Dataset/: `MicroLens-100k_pairs.csv` (header
user,item,timestamp; milliseconds), `MicroLens-100k_title_en.csv` (item, title; no header), and
`MicroLens-100k_covers.zip`, to be unpacked (`<item>.jpg`). MicroLens-50k has the same, but its titles are
`MicroLens-50k_titles.csv`, with the header item,title.

Terms: the data may not be changed and offered for download again. So neither it nor a DVC remote that holds it
or what the stages made of it may be public. What can be shared is the recipe: params.yaml, dvc.yaml, and the
hashes in dvc.lock.
"""

from pathlib import Path

import pandas as pd

from fusionrec import params
from fusionrec.data.sources import pictures, tables
from fusionrec.data.sources.dataset import Dataset, completed, rejections
from fusionrec.data.sources.paths import inside
from fusionrec.data.sources.tables import Column, Dialect

TITLES = ["item", "title"]
LOG = {"user_id": Column("user"), "item_id": Column("item"), "timestamp": Column("timestamp")}
MILLISECONDS = r"[0-9]{13}"  # since 1970: from 2001 to 2286


def read(root: Path, options: params.Raw) -> Dataset:
    """Read a release; timestamps become seconds.

    Raises:
        UserError: if a file is missing, leaves the folder, or is not what the release has.
    """
    names = options.microlens
    items = _read_titles(inside(root, names.titles, "raw.microlens.titles"))
    path = inside(root, names.interactions, "raw.microlens.interactions")
    log = tables.read(path, LOG, categories=["user_id", "item_id"])
    log["timestamp"] = _seconds(log["timestamp"])
    found = pictures.beside(root, names.images, "raw.microlens.images", items["item_id"], options.extensions)
    return Dataset(completed(items), log, rejections(found.refused), found.blobs)


def _read_titles(path: Path) -> pd.DataFrame:
    """With or without a header."""
    wanted = {"item_id": Column("item"), "title": Column("title")}
    named = tables.header(path) == TITLES
    return tables.read(path, wanted, dialect=tables.CSV if named else Dialect(header=TITLES))


def _seconds(timestamps: pd.Series) -> pd.Series:
    """Whole seconds where there are milliseconds; whatever else is written stays."""
    milliseconds = timestamps.str.fullmatch(MILLISECONDS).fillna(False)
    return timestamps.where(~milliseconds.astype(bool), timestamps.str.slice(stop=-3))
