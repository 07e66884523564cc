"""The manifest: where the picture of each item is stored, and which pictures are the same."""

from typing import NamedTuple

import pandas as pd

from fusionrec import files
from fusionrec.data import colour_layout, images, near_duplicates
from fusionrec.data.perceptual_hash import to_integers

KINDS = {
    "status": "str",
    "reason": "str",
    "shard": "str",
    "offset": "Int64",
    "bytes": "Int64",
    "width": "Int64",
    "height": "Int64",
    "sha256": "str",
    "phash": "str",
    "colour": "str",
    "encoded": "boolean",
    "raw_bytes": "Int64",
    "wrong_extension": "boolean",
}


class Row(NamedTuple):
    """The result for one item's picture; null if it does not apply."""

    status: str
    reason: str | None = None
    shard: str | None = None
    offset: int | None = None
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    phash: str | None = None
    colour: str | None = None
    encoded: bool | None = None
    raw_bytes: int | None = None
    wrong_extension: bool | None = None


MISSING = Row("missing")


def row(checked: images.Checked, member: files.Member | None) -> Row:
    """`member` says where the picture is stored; None if it was rejected."""
    picture = checked.picture
    return Row(
        "ok" if member else "rejected",
        picture.reason,
        **(member._asdict() if member else {}),
        width=picture.width,
        height=picture.height,
        phash=picture.phash,
        colour=picture.colour,
        encoded=picture.encoded,
        raw_bytes=checked.raw_bytes,
        wrong_extension=checked.wrong_extension,
    )


def build(
    items: list[str], rows: dict[str, Row], near_distance: int, near_colour: float | None
) -> pd.DataFrame:
    """One row per item, in the order of `items`; those not in `rows` have no picture.

    Returns:
        item_id, the columns of `Row`, and

        - duplicate_of: the first item whose prepared picture has the same bytes. Equal raw bytes give equal
          prepared ones, so these are included.
        - near_duplicate_of: the first item of the group of pictures that look alike, see
          `near_duplicates.groups`; all duplicates of its members belong to a group.

        Both are null for that first item itself, and if there is no other item.
    """
    table = pd.DataFrame([rows.get(item, MISSING) for item in items], columns=Row._fields).astype(KINDS)
    table.insert(0, "item_id", pd.Series(items, dtype="str"))
    first = table.groupby("sha256")["item_id"].transform("first")
    heads = _heads(table[table["item_id"] == first], near_distance, near_colour)
    head = first.map(heads).astype("str")
    table["duplicate_of"] = first.where(first != table["item_id"])
    table["near_duplicate_of"] = head.where(head != table["item_id"])
    return table


def _heads(pictures: pd.DataFrame, near_distance: int, near_colour: float | None) -> dict[str, str]:
    """For each item the first one of its group; an item without a hash is a group of its own."""
    items = pictures["item_id"].to_numpy(object)
    hashed = pictures["phash"].notna().to_numpy()
    hashes = to_integers(pictures["phash"][hashed])
    layouts = colour_layout.to_bytes(pictures["colour"][hashed])
    first = near_duplicates.groups(hashes, layouts, near_distance, near_colour)
    heads = items.copy()
    heads[hashed] = items[hashed][first]
    return dict(zip(items, heads, strict=True))


def report(table: pd.DataFrame, of_dropped_items: int, refused: pd.DataFrame) -> dict[str, int]:
    """Counts of all pictures by what became of them.

    Args:
        table: see `build`.
        of_dropped_items: raw pictures of items that are no longer in the catalogue.
        refused: the raw stage's rejections, see `fusionrec.data.reading.dataset.Dataset`.

    Returns:
        - items = ok + missing + the sum of rejected_<reason>
        - encoded: of the ok ones, those whose bytes changed
        - duplicates, near_duplicates: items with a `duplicate_of`, a `near_duplicate_of`, which is the
          number of items in such groups minus the number of groups
        - near_duplicate_groups, largest_near_duplicate_group: groups of two and more
        - featureless: ok, but without enough detail for a perceptual hash
        - wrong_extension: ok or rejected, with the extension of another format
        - of_dropped_items, and refused_<reason>: files that the raw stage refused
        - raw_bytes: of all pictures that were checked; bytes: of those that are ok
    """
    ok, rejected = table["status"] == "ok", table["status"] == "rejected"
    groups = table["near_duplicate_of"].value_counts() + 1
    counts = {
        "items": len(table),
        "ok": ok.sum(),
        "missing": (table["status"] == "missing").sum(),
        **_by_reason("rejected", table.loc[rejected, "reason"]),
        "encoded": table["encoded"].sum(),
        "duplicates": table["duplicate_of"].notna().sum(),
        "near_duplicates": table["near_duplicate_of"].notna().sum(),
        "near_duplicate_groups": len(groups),
        "largest_near_duplicate_group": groups.max() if len(groups) else 0,
        "featureless": (ok & table["phash"].isna()).sum(),
        "wrong_extension": table["wrong_extension"].sum(),
        "of_dropped_items": of_dropped_items,
        **_by_reason("refused", refused.loc[refused["table"] == "pictures", "reason"]),
        "raw_bytes": table["raw_bytes"].sum(),
        "bytes": table["bytes"].sum(),
    }
    return {name: int(count) for name, count in counts.items()}


def _by_reason(prefix: str, reasons: pd.Series) -> dict[str, int]:
    return {f"{prefix}_{reason}": count for reason, count in reasons.value_counts().sort_index().items()}
