"""images: raw pictures, clean items -> valid pictures and a manifest with one row an item."""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from collections.abc import Iterator
from functools import partial
from pathlib import PurePath
from typing import Any

import pandas as pd
from tqdm import tqdm

from fusionrec import files, params, runtime
from fusionrec.data import images

COLUMNS = ["status", "reason", "shard", "offset", "bytes", "width", "height", "sha256", "encoded"]


def check(named: tuple[str, bytes], options: params.Images) -> tuple[str, images.Picture]:
    """In a worker process: the item and its picture."""
    return PurePath(named[0]).stem, images.prepare(named[1], options)


def wanted(items: set[str], dropped: list[str]) -> Iterator[tuple[str, bytes]]:
    """The raw pictures of items that are still in the catalogue, in shard order; names of others are noted."""
    for name, blob in files.read_shards("data/raw/images"):
        if PurePath(name).stem in items:
            yield name, blob
        else:
            dropped.append(name)


def manifest(items: list[str], rows: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """One row an item; `duplicate_of` is the first item with the same bytes."""
    table = pd.DataFrame([rows.get(item, {"status": "missing"}) for item in items], columns=COLUMNS)
    table.insert(0, "item_id", items)
    numbers = {name: "Int64" for name in ("offset", "bytes", "width", "height")}
    table = table.astype(
        {name: "str" for name in ("status", "reason", "shard", "sha256")} | numbers | {"encoded": "boolean"}
    )
    first = table.groupby("sha256")["item_id"].transform("first")
    table["duplicate_of"] = first.where(first.notna() & (first != table["item_id"]))
    return table


def report(table: pd.DataFrame, of_dropped_items: int, refused: pd.DataFrame) -> dict[str, int]:
    """Where every item's picture went, how many belong to no item that is left, and what raw refused."""
    refusals = {f"refused_{r}": int(n) for r, n in refused["reason"].value_counts().sort_index().items()}
    reasons = table.loc[table["status"] == "rejected", "reason"].value_counts().sort_index()
    counts = {"items": len(table), "ok": int((table["status"] == "ok").sum())}
    counts["missing"] = int((table["status"] == "missing").sum())
    counts |= {f"rejected_{reason}": int(n) for reason, n in reasons.items()}
    counts["encoded"] = int(table["encoded"].fillna(False).sum())
    return (
        counts
        | {"duplicates": int(table["duplicate_of"].notna().sum()), "of_dropped_items": of_dropped_items}
        | refusals
    )


def main() -> None:
    p = params.load()
    items = files.read_table("data/clean/items.parquet", ["item_id"])["item_id"].tolist()
    rows: dict[str, dict[str, Any]] = {}
    dropped: list[str] = []
    found = runtime.parallel(partial(check, options=p.images), wanted(set(items), dropped), p.runtime.workers)
    with files.replacing_folder("data/images") as folder:
        with files.ShardWriter(folder) as shards:
            for item, picture in tqdm(found, desc="images", total=len(items), unit="picture", disable=None):
                where: dict[str, Any] = {"status": "rejected", "reason": picture.reason}
                if picture.blob is not None:
                    where = {"status": "ok"} | shards.add(item, picture.blob)._asdict()
                rows[item] = where | {
                    k: getattr(picture, k) for k in ("width", "height", "sha256", "encoded")
                }
        table = manifest(items, rows)
        files.write_table(folder / "manifest.parquet", table)
    counts = report(table, len(dropped), files.read_table("data/raw/tables/rejected.parquet"))
    files.write_json("metrics/images.json", counts)
    print(f"{counts['items']:,} items: {counts['ok']:,} pictures, {counts['missing']:,} missing")


if __name__ == "__main__":
    runtime.stage(main)
