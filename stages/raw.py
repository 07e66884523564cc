"""raw: a source (the generated demo, or a folder of files) -> raw tables of strings, pictures as they are."""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from pathlib import Path

from tqdm import tqdm

from fusionrec import files, params, runtime
from fusionrec.data import truth
from fusionrec.data.sources import demo, folder


def main() -> None:
    p = params.load()
    if p.raw.source == "demo":
        data, known = demo.generate(p.raw.demo)
    else:
        data, known = folder.read(Path(p.raw.input), p.raw.files), None

    count = 0
    with files.replacing_folder("data/raw/images") as out, files.ShardWriter(out) as shards:
        for name, blob in tqdm(data.pictures, desc="pictures", unit="picture", disable=None):
            shards.add(name, blob)
            count += 1
    with files.replacing_folder("data/raw/tables") as out:
        files.write_table(out / "items.parquet", data.items)
        files.write_table(out / "interactions.parquet", data.interactions)
        files.write_table(out / "rejected.parquet", data.rejected)
        if known is not None:
            truth.write(out, known)
    print(
        f"{p.raw.source}: {len(data.items):,} items, {len(data.interactions):,} interactions, {count:,} pictures"
    )


if __name__ == "__main__":
    runtime.stage(main)
