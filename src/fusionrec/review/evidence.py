"""Outputs of two revisions that are not in git, and pictures, as far as they are available."""

import io
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from fusionrec import files
from fusionrec.recommend import engine
from fusionrec.recommend.gallery import Card
from fusionrec.review import changes, revision
from fusionrec.review.changes import Change
from fusionrec.review.list_changes import Changed, Listed
from fusionrec.review.revision import CODE, Side

LISTS = "data/recs/recommendations.parquet"
IMAGES, SPLITS = "data/images", "data/splits"


class Plot(NamedTuple):
    """A PNG of both revisions; None where one of them does not have it."""

    name: str
    a: bytes | None
    b: bytes | None


class Tables(NamedTuple):
    """A table of all runs of both sides, and the names of those whose data is not available."""

    a: list[pd.DataFrame]
    b: list[pd.DataFrame]
    missing: list[str]


def tables(a: list[Side], b: list[Side], path: str) -> Tables | None:
    """A Parquet file of all runs; None if it is the same in all according to dvc.lock, and nothing is read."""
    folder = Path(path).parent.as_posix()
    hashes = {side.outs.get(folder) for side in (*a, *b)}
    if len(hashes) == 1 and None not in hashes:
        return None
    read = {side.name: revision.fetch(side, path) for side in (*a, *b)}
    missing = [name for name, content in read.items() if content is None]
    found = {
        name: pd.DataFrame() if content is None else pd.read_parquet(io.BytesIO(content))
        for name, content in read.items()
    }
    return Tables([found[side.name] for side in a], [found[side.name] for side in b], missing)


def table(side: Side, path: str) -> pd.DataFrame:
    """The table of a plot, which git holds; empty if there is none."""
    content = revision.fetch(side, path)
    return pd.DataFrame() if content is None else pd.read_csv(io.BytesIO(content))


def interval(side: Side, recommender: str, metric: str) -> dict[str, float] | None:
    """{mean, low, high} of a metric such as ndcg@10; the ends only if a plot of it against k has them."""
    mean = side.evaluation.get(recommender, {}).get(metric)
    if mean is None:
        return None
    name, _, cut = metric.partition("@")
    drawn = table(side, f"plots/{name}_at_k.csv")
    if not drawn.empty:
        drawn = drawn[(drawn["series"] == recommender) & (drawn["k"] == int(cut))]
    ends = drawn[["low", "high"]].to_dict("records")[0] if len(drawn) else {}
    return {"mean": mean} | {str(end): float(value) for end, value in ends.items() if not pd.isna(value)}


def plots(a: Side, b: Side) -> list[Plot]:
    """The PNG plots that differ, in the order of the pipeline."""
    names = [path for path in {**b.outs, **a.outs} if path.endswith(".png")]
    changed = [name for name in names if a.outs.get(name) != b.outs.get(name)]
    return [Plot(name, revision.fetch(a, name), revision.fetch(b, name)) for name in changed]


def code(a: Side, b: Side) -> list[Change]:
    """Files of code that differ; if their names are not available, the stages whose code differs."""
    stages = changes.between(a.code, b.code)
    first, second = (_code_files(side, [change.name for change in stages]) for side in (a, b))
    if first is None or second is None:
        return [change._replace(name=f"the code of {change.name}") for change in stages]
    return changes.between(first, second)


def _code_files(side: Side, stages: list[str]) -> dict[str, str] | None:
    """{path: digest} of the code of several stages; None if that is not available."""
    listings = [revision.fetch(side, f"{CODE}/{stage}") for stage in stages if stage in side.code]
    lines = [line for content in listings if content for line in content.decode().splitlines()]
    files = {name: digest for digest, name in (line.split("  ", 1) for line in lines)}
    return None if None in listings else files


class Shelf(NamedTuple):
    """A user's choices, newest first, and both lists, as cards."""

    changed: Changed
    history: list[Card]
    a: list[Card]
    b: list[Card]


def shelves(a: Side, b: Side, changed: list[Changed], here: dict[str, str], history: int) -> list[Shelf]:
    """Cards of users' lists, with pictures from the workspace if both revisions have the same ones.

    Args:
        a: one side.
        b: the other one.
        changed: the users and their lists.
        here: {path: hash} of the outputs in the workspace.
        history: how many choices of each user are shown.
    """
    past = _past(changed, history) if _lies_here(SPLITS, a, b, here) else {}
    shown = [item for lists in changed for item in (*lists.a, *lists.b, *past.get(lists.user, []))]
    pictures = _pictures({item.item_id for item in shown}) if _lies_here(IMAGES, a, b, here) else {}
    return [
        Shelf(
            lists,
            [Card(item.title, "", pictures.get(item.item_id)) for item in past.get(lists.user, [])],
            [_card(item, rank, lists.b, "gone", "now", pictures) for rank, item in enumerate(lists.a, 1)],
            [_card(item, rank, lists.a, "new", "was", pictures) for rank, item in enumerate(lists.b, 1)],
        )
        for lists in changed
    ]


def _card(
    item: Listed, rank: int, other: list[Listed], absent: str, moved: str, pictures: dict[str, bytes]
) -> Card:
    """The card of an item, with its rank in the other list if that differs."""
    there = next((place for place, listed in enumerate(other, 1) if listed.item_id == item.item_id), None)
    note = absent if there is None else "" if there == rank else f"{moved} {there}"
    return Card(item.title, note, pictures.get(item.item_id))


def _lies_here(path: str, a: Side, b: Side, here: dict[str, str]) -> bool:
    return Path(path).is_dir() and {side.outs.get(path) for side in (a, b)} == {here.get(path)}


def _pictures(items: set[str]) -> dict[str, bytes]:
    manifest = files.read_table(f"{IMAGES}/manifest.parquet", ["item_id", "status", *files.Member._fields])
    rows = manifest[manifest["item_id"].isin(items) & (manifest["status"] == "ok")]
    return dict(zip(rows["item_id"], files.read_members(IMAGES, files.members(rows)), strict=True))


def _past(changed: list[Changed], newest: int) -> dict[str, list[Listed]]:
    split = engine.read_split(Path(SPLITS))
    rows = pd.Index(split.user_ids).get_indexer(pd.Index([lists.user for lists in changed]))
    ids, titles = split.items["item_id"].tolist(), split.items["title"].tolist()
    return {
        lists.user: [Listed(ids[i], titles[i]) for i in split.past[row][::-1][:newest].tolist()]
        for lists, row in zip(changed, rows.tolist(), strict=True)
        if row >= 0
    }
