"""splits: clean tables and the picture manifest -> the parts of a split, users, items, scalers.

Reads: data/clean, data/images/manifest.parquet.
Writes: data/splits: train, val, test, fold_in, users, items, and what was fitted on train, features.json;
metrics/splits.json; plots/long_tail.png, plots/time.png.
Parameters: splits.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from fusionrec import files, params, runtime
from fusionrec.data import attributes, memberships, plots, splits, strategies


def main() -> str:
    runtime.parser(__doc__).parse_args()
    p = params.load()
    items = files.read_table("data/clean/items.parquet")
    manifest = files.read_table("data/images/manifest.parquet")
    pictures = items[["item_id"]].merge(manifest, "left", on="item_id", validate="one_to_one")
    items["picture"] = pictures["status"].eq("ok").to_numpy()
    log, users = splits.index(files.read_table("data/clean/interactions.parquet"), items["item_id"])

    labels = splits.split(log, items, p.splits)
    found = memberships.find(log, labels, len(users), pictures, p.splits.tail)
    trained = found.item_train > 0
    counts = memberships.summary(log, labels, found, items["picture"].to_numpy())
    cuts = {}
    if p.splits.strategy == "temporal":
        at = strategies.cuts(log.timestamp, p.splits.val_fraction, p.splits.test_fraction)
        cuts = dict(zip(("val_from", "test_from"), at, strict=True))

    with files.replacing_folder("data/splits") as folder:
        for name, part in splits.tables(log, labels, found.kind).items():
            files.write_table(folder / f"{name}.parquet", part)
        files.write_table(folder / "users.parquet", memberships.of_users(users, found))
        files.write_table(folder / "items.parquet", memberships.of_items(items, found))
        files.write_json(folder / "features.json", attributes.fit(items, trained, p.splits))
    plots.long_tail(found.item_train, found.user_train, found.tail, "plots/long_tail.png")
    plots.over_time(log.timestamp, labels, cuts, "plots/time.png")
    files.write_json("metrics/splits.json", counts | cuts)
    sizes = ", ".join(f"{counts[name]['interactions']:,} {name}" for name in strategies.PARTS)
    print(f"{p.splits.strategy}: {len(labels):,} interactions -> {sizes}")
    return "data/splits"


if __name__ == "__main__":
    runtime.stage(main)
