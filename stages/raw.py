"""raw: a source (the generated demo, or files) -> raw tables of strings, and unchanged pictures.

Reads: raw.input, in the layout of raw.source.
Writes: data/raw/tables: items, interactions, rejected rows, and for the demo its preference model;
data/raw/images: tar shards; data/raw/vectors/<modality>: vectors that came with the data, and their item ids.
Parameters: raw.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from pathlib import Path

import pandas as pd

from fusionrec import files, params, progress, runtime
from fusionrec.data import row_groups, sources
from fusionrec.data.demo import demo_truth
from fusionrec.data.reading import vectors
from fusionrec.data.reading.dataset import rejections
from fusionrec.data.sources import Raw


def main() -> str:
    runtime.parser(__doc__).parse_args()
    options = params.load(Raw)
    source = sources.load(options.source)
    data = source.read(Path(options.input), options.extensions, options.own(options.source))
    count, refused, known = 0, [data.rejected], set(data.items["item_id"].dropna())
    # all folders are replaced once all are complete
    with (
        files.replacing_folder("data/raw/tables") as tables,
        files.replacing_folder("data/raw/images") as images,
        files.replacing_folder("data/raw/vectors") as folder,
    ):
        for modality, named in options.vectors:
            items = data.items["item_id"] if data.has_items_table else None
            given = vectors.read(Path(options.input), named, f"raw.vectors.{modality}", items, known)
            (folder / modality).mkdir()
            files.write_array(folder / modality / "vectors.npy", given.matrix)
            files.write_json(folder / modality / "item_ids.json", given.ids)
            refused.append(rejections(given.refused))
        rejected = pd.concat(refused, ignore_index=True)
        files.write_table(tables / "items.parquet", data.items)
        files.write_row_groups(tables / "interactions.parquet", *row_groups.of(data.interactions))
        files.write_table(tables / "rejected.parquet", rejected)
        if data.truth is not None:
            demo_truth.write(tables, data.truth)
        with files.ShardWriter(images) as shards:
            for name, blob in progress.watched(data.pictures, "pictures", "picture"):
                shards.add(name, blob)
                count += 1
    sizes = f"{len(data.items):,} items, {len(data.interactions):,} interactions, {count:,} pictures"
    print(f"{options.source}: {sizes}")
    lines = int((rejected["table"] != "pictures").sum())
    if lines:
        print(f"{lines:,} lines of the tables could not be read; data/raw/tables/rejected.parquet lists them")
    return "data/raw"


if __name__ == "__main__":
    runtime.stage(main)
