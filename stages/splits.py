"""splits: clean tables and the picture manifest -> train, val, test, users, items, fitted scalers."""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

import numpy as np
import pandas as pd

from fusionrec import files, params, runtime
from fusionrec.data import attributes, splits


def main() -> None:
    p = params.load()
    items = files.read_table("data/clean/items.parquet")
    manifest = files.read_table("data/images/manifest.parquet", ["item_id", "status"])
    items["picture"] = manifest.set_index("item_id")["status"].reindex(items["item_id"]).eq("ok").to_numpy()
    log, users = splits.index(files.read_table("data/clean/interactions.parquet"), items)

    parts = splits.split(log, p.splits)
    trained = np.zeros(len(items), bool)
    trained[parts.train["item"]] = True
    counts = splits.summary(parts, len(users), items["picture"].to_numpy())

    with files.replacing_folder("data/splits") as folder:
        for name, part in parts._asdict().items():
            files.write_table(folder / f"{name}.parquet", part)
        files.write_table(folder / "users.parquet", pd.DataFrame({"user_id": users}))
        files.write_table(folder / "items.parquet", items)
        files.write_json(folder / "features.json", attributes.fit(items, trained, p.splits))
    files.write_json("metrics/splits.json", counts)
    sizes = ", ".join(f"{len(part):,} {name}" for name, part in parts._asdict().items())
    print(f"{p.splits.strategy}: {len(log):,} interactions -> {sizes}")


if __name__ == "__main__":
    runtime.stage(main)
