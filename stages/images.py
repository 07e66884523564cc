"""images: raw pictures, clean items -> valid pictures and a manifest with one row an item."""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import pandas as pd
from tqdm import tqdm

from fusionrec import files, params, runtime
from fusionrec.data import images

COLUMNS = ["status", "reason", "shard", "offset", "bytes", "width", "height", "sha256"]


def verdicts(items: set[str], p: params.Params) -> Iterator[tuple[str, images.Verdict]]:
    """(item, verdict) of each raw picture of an item that is still in the catalogue, in shard order."""
    named = ((name, blob) for name, blob in files.read_shards("data/raw/images") if PurePath(name).stem in items)
    found = runtime.parallel(images.checker(p.images), named, p.runtime.workers)
    for name, verdict in tqdm(found, desc="images", total=len(items), unit="picture"):
        yield PurePath(name).stem, verdict


def manifest(items: list[str], rows: dict[str, dict[str, Any]]) -> pd.DataFrame:
    """One row an item; `duplicate_of` is the first item with the same bytes."""
    table = pd.DataFrame([rows.get(item, {"status": "missing"}) for item in items], columns=COLUMNS)
    table.insert(0, "item_id", items)
    numbers = {name: "Int64" for name in ("offset", "bytes", "width", "height")}
    table = table.astype({name: "str" for name in ("status", "reason", "shard", "sha256")} | numbers)
    first = table.groupby("sha256")["item_id"].transform("first")
    table["duplicate_of"] = first.where(first.notna() & (first != table["item_id"]))
    return table


def report(table: pd.DataFrame, raw: int) -> dict[str, int]:
    """Where every item's picture went, and how many raw pictures belong to no item that is left."""
    reasons = table.loc[table["status"] == "rejected", "reason"].value_counts().sort_index()
    counts = {"items": len(table), "ok": int((table["status"] == "ok").sum())}
    counts["missing"] = int((table["status"] == "missing").sum())
    counts |= {f"rejected_{reason.replace(' ', '_').replace('.', '_')}": int(n) for reason, n in reasons.items()}
    return counts | {"duplicates": int(table["duplicate_of"].notna().sum()), "of_dropped_items": raw}


def main() -> None:
    p = params.load()
    items = files.read_table("data/clean/items.parquet", ["item_id"])["item_id"].tolist()
    rows: dict[str, dict[str, Any]] = {}
    with files.replacing_folder("data/images") as folder:
        with files.ShardWriter(folder) as shards:
            for item, verdict in verdicts(set(items), p):
                where: dict[str, Any] = {"status": "rejected", "reason": verdict.reason}
                if verdict.blob is not None:
                    where = {"status": "ok"} | shards.add(item, verdict.blob)._asdict()
                rows[item] = where | {k: getattr(verdict, k) for k in ("width", "height", "sha256")}
        table = manifest(items, rows)
        files.write_table(folder / "manifest.parquet", table)
    raw = sum(1 for _ in files.read_shards("data/raw/images"))
    counts = report(table, raw - len(rows))
    files.write_json("metrics/images.json", counts)
    print(f"{counts['items']:,} items: {counts['ok']:,} pictures, {counts['missing']:,} missing")


if __name__ == "__main__":
    runtime.stage(main)
