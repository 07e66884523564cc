"""PixelRec: covers, titles and counts of short videos, and who commented on them (Cheng et al. 2024, SDM).

The files are had from https://github.com/westlake-repl/PixelRec. The releases Pixel200K, Pixel1M, Pixel8M and
PixelRec consist of a log (`Pixel200K.csv` under "Interaction": item_id, user_id, timestamp in seconds), a
catalogue of the same name (under "Item Information": item_id, view_number, comment_number, thumbup_number,
share_number, coin_number, favorite_number, barrage_number, title, tag, description), and one archive of
covers for all (`<item_id>.jpg`). The sample PixelRec50K calls them `interaction.csv`, `item_info.csv` and
`cover`. The counts were taken when the data was collected: later than the choices.

Licence: for research and teaching that is not commercial; nothing of it, changed or not, may be passed on. So
neither the data nor a DVC remote that holds it or what the stages made of it may be public. What can be shared
is the recipe: params.yaml, dvc.yaml, and the hashes in dvc.lock.
"""

from pathlib import Path

from fusionrec import params
from fusionrec.data.sources import pictures, tables
from fusionrec.data.sources.dataset import Dataset, rejections
from fusionrec.data.sources.paths import inside
from fusionrec.data.sources.tables import Column

COUNTS = ["view", "comment", "thumbup", "share", "coin", "favorite", "barrage"]
ITEMS = {
    "item_id": Column("item_id"),
    "title": Column("title"),
    "description": Column("description"),
    "category_tag": Column("tag"),
} | {f"number_{name}_number": Column(f"{name}_number") for name in COUNTS}
LOG = {name: Column(name) for name in ("user_id", "item_id", "timestamp")}


def read(root: Path, options: params.Raw) -> Dataset:
    """Read a release.

    Raises:
        UserError: if a file is missing, leaves the folder, or is not what the release has.
    """
    names = options.pixelrec
    items = tables.read(inside(root, names.items, "raw.pixelrec.items"), ITEMS)
    path = inside(root, names.interactions, "raw.pixelrec.interactions")
    log = tables.read(path, LOG, categories=["user_id", "item_id"])
    found = pictures.beside(root, names.images, "raw.pixelrec.images", items["item_id"], options.extensions)
    return Dataset(items, log, rejections(found.refused), found.blobs)
