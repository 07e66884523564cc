"""clean: raw tables -> clean items and interactions, the rejected rows with reasons, and their counts.

Reads: data/raw/tables.
Writes: data/clean: items, interactions, rejected; metrics/clean.json: rows in, kept, and rejected by reason.
Parameters: clean.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from fusionrec import files, params, runtime
from fusionrec.data import cleaning
from fusionrec.data.clean_options import Clean


def main() -> str:
    runtime.parser(__doc__).parse_args()
    options = params.load(Clean)
    items = files.read_table("data/raw/tables/items.parquet")
    interactions = files.read_table("data/raw/tables/interactions.parquet")
    unread = files.read_table("data/raw/tables/rejected.parquet")

    result = cleaning.clean(items, interactions, options)

    with files.replacing_folder("data/clean") as folder:
        files.write_table(folder / "items.parquet", result.items)
        files.write_table(folder / "interactions.parquet", result.interactions)
        files.write_table(folder / "rejected.parquet", result.rejected)
    files.write_json("metrics/clean.json", result.counts | {"raw": cleaning.refused_before(unread)})
    for name, counts in result.counts.items():
        print(f"{name}: {counts['kept']:,} of {counts['in']:,} kept")
    first, last = (result.counts["interactions"][name] for name in ("first", "last"))
    if first < last < "1990":
        print(f"the times go from {first} to {last}: are they in the right column, in seconds since 1970?")
    if len(result.rejected):
        print(f"{len(result.rejected):,} rejected rows, each with its reason: data/clean/rejected.parquet")
    return "data/clean"


if __name__ == "__main__":
    runtime.stage(main)
