"""MicroLens: covers and titles of micro-videos, and users' comments (Ni et al. 2023, arXiv:2309.15379).

Download the files as https://github.com/westlake-repl/MicroLens describes, from
https://recsys.westlake.edu.cn/MicroLens-100k-Dataset/: `MicroLens-100k_pairs.csv` (header
user,item,timestamp; milliseconds), `MicroLens-100k_title_en.csv` (item, title; no header), and
`MicroLens-100k_covers.zip`, which must be unpacked (`<item>.jpg`). MicroLens-50k has the same layout, but its
titles are `MicroLens-50k_titles.csv`, with the header item,title.

Terms: changed copies of the data must not be offered for download. Neither the data nor a DVC remote that holds
them or the outputs of the stages may be public. What can be shared is the recipe: params.yaml, dvc.yaml, and the
hashes in dvc.lock.
"""

from pathlib import Path

import pandas as pd

from fusionrec.data.reading import csv_files, pictures
from fusionrec.data.reading.csv_files import Column, Dialect
from fusionrec.data.reading.dataset import Dataset, completed, rejections
from fusionrec.data.reading.folders import inside
from fusionrec.params import Section

TITLES = ["item", "title"]
LOG = {"user_id": Column("user"), "item_id": Column("item"), "timestamp": Column("timestamp")}
MILLISECONDS = r"[0-9]{13}"  # since 1970: from 2001 to 2286


class Options(Section):
    """Files of the release in `raw.input`. `images` is the folder of covers; null: none."""

    interactions: str
    titles: str
    images: str | None


def read(folder: Path, extensions: list[str], own: Options) -> Dataset:
    """Read a release; timestamps become seconds.

    Raises:
        UserError: if a file is missing, leads out of the folder, or has another layout.
    """
    items, unread = _read_titles(inside(folder, own.titles, "raw.microlens.titles"))
    path = inside(folder, own.interactions, "raw.microlens.interactions")
    log, lost = csv_files.read(path, "interactions", LOG, categories=["user_id", "item_id"])
    log["timestamp"] = _seconds(log["timestamp"])
    images = pictures.beside(folder, own.images, "raw.microlens.images", items["item_id"], extensions)
    return Dataset(completed(items), log, rejections([*unread, *lost, *images.refused]), images.blobs)


def _read_titles(path: Path) -> csv_files.Lines:
    """With or without a header."""
    first = csv_files.header(path)
    named = [name.strip().lower() for name in first] == TITLES
    names = dict(zip(("item_id", "title"), first if named else TITLES, strict=True))
    dialect = csv_files.CSV if named else Dialect(header=TITLES)
    return csv_files.read(
        path, "items", {ours: Column(name) for ours, name in names.items()}, dialect=dialect
    )


def _seconds(timestamps: pd.Series) -> pd.Series:
    """Milliseconds as whole seconds; anything else stays as it is."""
    milliseconds = timestamps.str.fullmatch(MILLISECONDS).fillna(False)
    return timestamps.where(~milliseconds.astype(bool), timestamps.str.slice(stop=-3))
