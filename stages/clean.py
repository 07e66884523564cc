"""clean: raw tables -> clean items and interactions, the rejected rows with reasons, and their counts.

Reads: data/raw/tables.
Writes: data/clean: items, interactions, rejected; metrics/clean.json: rows in, kept, and rejected by reason.
Parameters: clean.
"""

import _start  # noqa: F401  (src on the path, pins set before numpy loads)

from typing import Any

from fusionrec import files, params, runtime
from fusionrec.data import cleaning, rejections
from fusionrec.data.clean_options import Clean
from fusionrec.data.raw_log import RawLog


def look_ahead(counts: dict[str, Any]) -> str:
    """What the stages after this one will take, if it is much; refuses what cannot work."""
    from fusionrec.preflight import machine, report, sizes  # late: no output depends on it

    return report.after("clean", params.read(), sizes.of_clean(counts), machine.this())


def main() -> str:
    runtime.parser(__doc__).parse_args()
    options = params.load(Clean)
    items = files.read_table("data/raw/tables/items.parquet")
    interactions = RawLog("data/raw/tables/interactions.parquet")
    unread = files.read_table("data/raw/tables/rejected.parquet")

    result = cleaning.clean(items, interactions, options)
    ahead = look_ahead(result.counts)

    with files.replacing_folder("data/clean") as folder:
        files.write_table(folder / "items.parquet", result.items)
        files.write_row_groups(folder / "interactions.parquet", *result.interaction_pieces())
        rejected = files.write_pieces(
            folder / "rejected.parquet", result.rejected_pieces(), rejections.nothing()
        )
    files.write_json("metrics/clean.json", result.counts | {"raw": cleaning.refused_before(unread)})
    for name, counts in result.counts.items():
        print(f"{name}: {counts['kept']:,} of {counts['in']:,} kept")
    first, last = (result.counts["interactions"][name] for name in ("first", "last"))
    if first < last < "1990":
        print(f"the times go from {first} to {last}: are they in the right column, in seconds since 1970?")
    if rejected:
        print(f"{rejected:,} rejected rows, each with its reason: data/clean/rejected.parquet")
    if ahead:
        print(ahead)
    return "data/clean"


if __name__ == "__main__":
    runtime.stage(main)
