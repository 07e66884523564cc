"""splits: clean tables and the picture manifest -> the parts of a split, users, items and scalers.

Reads: data/clean, data/images/manifest.parquet.
Writes: data/splits: train, val, test, fold_in, users, items, features.json, which is fitted on train, and proof.json,
which says what was proved of the split; metrics/splits.json; plots/long_tail.png, plots/time.png.
Parameters: splits.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from fusionrec import files, params, runtime
from fusionrec.data import attributes, memberships, split_plots, splits
from fusionrec.data.split_labels import PARTS
from fusionrec.data.strategies import Splits


def main() -> str:
    runtime.parser(__doc__).parse_args()
    options = params.load(Splits)
    items = files.read_table("data/clean/items.parquet")
    manifest = files.read_table("data/images/manifest.parquet")
    pictures = items[["item_id", "text"]].merge(manifest, "left", on="item_id", validate="one_to_one")
    items["picture"] = pictures["status"].eq("ok").to_numpy()
    log, users = splits.index(files.read_table("data/clean/interactions.parquet"), items["item_id"])

    split = splits.split(log, items, options)
    labels, cuts, _ = split
    groups = memberships.find(log, labels, len(users), pictures, options.tail, options.near_text)
    counts = memberships.summary(log, labels, groups, items["picture"].to_numpy())

    with files.replacing_folder("data/splits") as folder:
        for name, part in splits.tables(log, labels, groups.kind).items():
            files.write_table(folder / f"{name}.parquet", part)
        files.write_table(folder / "users.parquet", memberships.of_users(users, groups))
        files.write_table(folder / "items.parquet", memberships.of_items(items, groups))
        files.write_json(folder / "proof.json", splits.proof(log, split, options.strategy))
        files.write_json(folder / "features.json", attributes.fit(items, groups.item_train > 0, options))
    split_plots.long_tail(groups.item_train, groups.user_train, groups.tail, "plots/long_tail.png")
    split_plots.over_time(log.timestamp, labels, cuts, "plots/time.png")
    files.write_json("metrics/splits.json", counts | cuts)
    sizes = ", ".join(f"{counts[name]['interactions']:,} {name}" for name in PARTS)
    print(f"{options.strategy}: {len(labels):,} interactions -> {sizes}")
    return "data/splits"


if __name__ == "__main__":
    runtime.stage(main)
