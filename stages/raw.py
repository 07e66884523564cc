"""raw: a source (the generated demo, or files) -> raw tables of strings, pictures as they are.

Reads: raw.input, in the layout of raw.source.
Writes: data/raw/tables: items, interactions, the rows that were refused, and of the demo its truth;
data/raw/images: tar shards.
Parameters: raw.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from pathlib import Path

from tqdm import tqdm

from fusionrec import files, params, runtime
from fusionrec.data import truth
from fusionrec.data.sources import amazon, demo, folder, microlens, movielens, pixelrec

READERS = {
    "demo": demo.read,
    "files": folder.read,
    "movielens": movielens.read,
    "pixelrec": pixelrec.read,
    "microlens": microlens.read,
    "amazon": amazon.read,
}


def main() -> str:
    runtime.parser(__doc__).parse_args()
    p = params.load()
    data = READERS[p.raw.source](Path(p.raw.input), p.raw)
    count = 0
    # both folders take the old ones' places only after both are complete
    with (
        files.replacing_folder("data/raw/tables") as tables,
        files.replacing_folder("data/raw/images") as images,
    ):
        files.write_table(tables / "items.parquet", data.items)
        files.write_table(tables / "interactions.parquet", data.interactions)
        files.write_table(tables / "rejected.parquet", data.rejected)
        if data.truth is not None:
            truth.write(tables, data.truth)
        with files.ShardWriter(images) as shards:
            for name, blob in tqdm(data.pictures, desc="pictures", unit="picture", disable=None):
                shards.add(name, blob)
                count += 1
    print(
        f"{p.raw.source}: {len(data.items):,} items, {len(data.interactions):,} interactions, {count:,} pictures"
    )
    return "data/raw"


if __name__ == "__main__":
    runtime.stage(main)
