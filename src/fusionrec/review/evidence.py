"""What two revisions left that is not in git, and pictures, as far as they are to be had."""

import io
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fusionrec import files
from fusionrec.recommend import engine
from fusionrec.recommend.gallery import Card
from fusionrec.review import sides
from fusionrec.review.lists import Changed, Listed
from fusionrec.review.sides import Side

LISTS = "data/recs/recommendations.parquet"
IMAGES, SPLITS = "data/images", "data/splits"


class Plot(NamedTuple):
    """A PNG of both; None where one has none."""

    name: str
    a: bytes | None
    b: bytes | None


class Tables(NamedTuple):
    """A table of both, and the names of those whose data is not to be had."""

    a: pd.DataFrame
    b: pd.DataFrame
    missing: list[str]


def tables(a: Side, b: Side, path: str) -> Tables | None:
    """A Parquet file of both; None where dvc.lock says that it is the same, and nothing need be read."""
    folder = Path(path).parent.as_posix()
    if folder in a.outs and a.outs[folder] == b.outs.get(folder):
        return None
    read = {side.name: sides.fetch(side, path) for side in (a, b)}
    missing = [name for name, found in read.items() if found is None]
    first, second = (pd.DataFrame() if x is None else pd.read_parquet(io.BytesIO(x)) for x in read.values())
    return Tables(first, second, missing)


def table(side: Side, path: str) -> pd.DataFrame:
    """A table behind a plot, which git holds; empty where there is none."""
    found = sides.fetch(side, path)
    return pd.DataFrame() if found is None else pd.read_csv(io.BytesIO(found))


def interval(side: Side, recommender: str, metric: str) -> dict[str, float] | None:
    """{mean, low, high} of a metric such as ndcg@10, the ends only where it is drawn against k."""
    mean = side.evaluation.get(recommender, {}).get(metric)
    if mean is None:
        return None
    name, _, cut = metric.partition("@")
    drawn = table(side, f"plots/{name}_at_k.csv")
    if not drawn.empty:
        drawn = drawn[(drawn["series"] == recommender) & (drawn["k"] == int(cut))]
    ends = drawn[["low", "high"]].to_dict("records")[0] if len(drawn) else {}
    return {"mean": mean} | {str(end): float(value) for end, value in ends.items()}


def plots(a: Side, b: Side) -> list[Plot]:
    """The pictures of plots that differ, in the order of the pipeline."""
    names = [path for path in {**b.outs, **a.outs} if path.endswith(".png")]
    changed = [name for name in names if a.outs.get(name) != b.outs.get(name)]
    return [Plot(name, sides.fetch(a, name), sides.fetch(b, name)) for name in changed]


class Shelf(NamedTuple):
    """A user's choices, newest first, and both lists, as cards."""

    found: Changed
    history: list[Card]
    a: list[Card]
    b: list[Card]


def shelves(a: Side, b: Side, changed: list[Changed], here: dict[str, str], history: int) -> list[Shelf]:
    """Cards of users' lists, with pictures from the workspace where it holds those of the two.

    Args:
        a: one side.
        b: the other one.
        changed: the users.
        here: {path: hash} of what lies in the workspace.
        history: so many choices of each user are shown.
    """
    past = _past(changed, history) if _lies_here(SPLITS, a, b, here) else {}
    shown = [item for found in changed for item in (*found.a, *found.b, *past.get(found.user, []))]
    pictures = _pictures({item.item_id for item in shown}) if _lies_here(IMAGES, a, b, here) else {}
    return [
        Shelf(
            found,
            [Card(item.title, "", pictures.get(item.item_id)) for item in past.get(found.user, [])],
            [_card(item, place, found.b, "gone", "now", pictures) for place, item in enumerate(found.a, 1)],
            [_card(item, place, found.a, "new", "was", pictures) for place, item in enumerate(found.b, 1)],
        )
        for found in changed
    ]


def _card(
    item: Listed, rank: int, other: list[Listed], absent: str, moved: str, pictures: dict[str, bytes]
) -> Card:
    """An item's, which says where it stands in the other list, if not at the same rank."""
    there = next((place for place, found in enumerate(other, 1) if found.item_id == item.item_id), None)
    note = absent if there is None else "" if there == rank else f"{moved} {there}"
    return Card(item.title, note, pictures.get(item.item_id))


def _lies_here(path: str, a: Side, b: Side, here: dict[str, str]) -> bool:
    return Path(path).is_dir() and {side.outs.get(path) for side in (a, b)} == {here.get(path)}


def _pictures(items: set[str]) -> dict[str, bytes]:
    manifest = files.read_table(
        Path(IMAGES) / "manifest.parquet", ["item_id", "status", "shard", "offset", "bytes"]
    )
    rows = manifest[manifest["item_id"].isin(items) & (manifest["status"] == "ok")]
    return dict(zip(rows["item_id"], files.read_members(IMAGES, files.members(rows)), strict=True))


def _past(changed: list[Changed], newest: int) -> dict[str, list[Listed]]:
    split = engine.read_split(Path(SPLITS))
    rows = pd.Index(split.user_ids).get_indexer(pd.Index([found.user for found in changed]))
    ids, titles = split.items["item_id"].tolist(), split.items["title"].tolist()
    return {
        found.user: [Listed(ids[i], titles[i]) for i in split.past[row][::-1][:newest].tolist()]
        for found, row in zip(changed, rows.tolist(), strict=True)
        if row >= 0
    }
