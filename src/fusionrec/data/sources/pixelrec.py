"""PixelRec: covers, titles and counts of short videos, and users' comments on them (Cheng et al. 2024, SDM).

Download the files from https://github.com/westlake-repl/PixelRec. The releases Pixel200K, Pixel1M, Pixel8M and
PixelRec consist of a log (`Pixel200K.csv` under "Interaction": item_id, user_id, timestamp in seconds), a
catalogue of the same name (under "Item Information": item_id, view_number, comment_number, thumbup_number,
share_number, coin_number, favorite_number, barrage_number, title, tag, description), and one archive of
covers for all (`<item_id>.jpg`). The sample PixelRec50K calls them `interaction.csv`, `item_info.csv` and
`cover`. The counts were taken when the data were collected: later than the interactions.

Licence: non-commercial research and teaching only; no redistribution, changed or not. Neither the data nor a DVC
remote that holds them or the outputs of the stages may be public. What can be shared is the recipe: params.yaml,
dvc.yaml, and the hashes in dvc.lock.
"""

from pathlib import Path

from fusionrec.data.reading import csv_files, pictures
from fusionrec.data.reading.csv_files import Column
from fusionrec.data.reading.dataset import Dataset, rejections
from fusionrec.data.reading.folders import inside
from fusionrec.params import Section

COUNTS = ["view", "comment", "thumbup", "share", "coin", "favorite", "barrage"]
ITEMS = {
    "item_id": Column("item_id"),
    "title": Column("title"),
    "description": Column("description"),
    "category_tag": Column("tag"),
} | {f"number_{name}_number": Column(f"{name}_number") for name in COUNTS}
LOG = {name: Column(name) for name in ("user_id", "item_id", "timestamp")}


class Options(Section):
    """Files of the release in `raw.input`. `images` is the folder of covers; null: none."""

    interactions: str
    items: str
    images: str | None


def read(folder: Path, extensions: list[str], own: Options) -> Dataset:
    """Read a release.

    Raises:
        UserError: if a file is missing, leads out of the folder, or has another layout.
    """
    items, unread = csv_files.read(inside(folder, own.items, "raw.pixelrec.items"), "items", ITEMS)
    path = inside(folder, own.interactions, "raw.pixelrec.interactions")
    log, lost = csv_files.read(path, "interactions", LOG, categories=["user_id", "item_id"])
    images = pictures.beside(folder, own.images, "raw.pixelrec.images", items["item_id"], extensions)
    return Dataset(items, log, rejections([*unread, *lost, *images.refused]), images.blobs)
