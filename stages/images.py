"""images: raw pictures, clean items -> valid pictures and a manifest with one row per item.

Reads: data/raw/images, data/raw/tables/rejected.parquet, data/clean/items.parquet.
Writes: data/images: tar shards and manifest.parquet, which says for each item where its picture is stored or why it
was rejected; metrics/images.json; plots/near_duplicates.png, plots/rejected_images.png.
Parameters: images; runtime.workers processes.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from collections.abc import Iterator
from functools import partial

from fusionrec import files, params, progress, runtime
from fusionrec.data import contact_sheet, images, manifest
from fusionrec.data.image_options import Images
from fusionrec.errors import UserError
from fusionrec.runtime import Runtime


def wanted(items: set[str], dropped: list[str]) -> Iterator[tuple[str, bytes]]:
    """The raw pictures of items in the catalogue, in shard order; names of other items are appended to `dropped`.

    Raises:
        UserError: if an item has two pictures.
    """
    waiting = set(items)
    for name, blob in files.read_shards("data/raw/images"):
        item, _ = images.split_name(name)
        if item in waiting:
            waiting.remove(item)
            yield name, blob
        elif item in items:
            raise UserError(
                f"data/raw/images: a second picture of item {item!r}; run `dvc repro --force raw`"
            )
        else:
            dropped.append(name)


def main() -> str:
    runtime.parser(__doc__).parse_args()
    options, workers = params.load(Images), params.load(Runtime).workers
    items = files.read_table("data/clean/items.parquet", ["item_id"])["item_id"].tolist()
    refused = files.read_table("data/raw/tables/rejected.parquet")
    dropped: list[str] = []
    rows: dict[str, manifest.Row] = {}
    tiles = contact_sheet.Rejected()

    check = partial(images.check, options=options)
    checked = runtime.parallel(check, wanted(set(items), dropped), workers)
    with files.replacing_folder("data/images") as folder:
        with files.ShardWriter(folder) as shards:
            for result in progress.watched(checked, "images", "picture", len(items)):
                blob = result.picture.blob
                rows[result.item] = manifest.row(
                    result, None if blob is None else shards.add(result.item, blob)
                )
                tiles.note(result)
        table = manifest.build(items, rows, options.near_distance, options.near_colour)
        files.write_table(folder / "manifest.parquet", table)

    counts = manifest.report(table, len(dropped), refused)
    files.write_json("metrics/images.json", counts)
    contact_sheet.rejected("plots/rejected_images.png", tiles)
    contact_sheet.near_duplicates("plots/near_duplicates.png", table, "data/images", options.max_pixels)
    rejected = counts["items"] - counts["ok"] - counts["missing"]
    print(
        f"{counts['items']:,} items: {counts['ok']:,} pictures, {counts['missing']:,} missing, {rejected:,} rejected"
    )
    return "data/images"


if __name__ == "__main__":
    runtime.stage(main)
