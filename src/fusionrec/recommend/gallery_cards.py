"""From lists to the shelves of a gallery: pictures, notes and reasons."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from fusionrec import files
from fusionrec.data.attributes import CATEGORY
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.recommend import gallery, lists
from fusionrec.recommend.engine import Engine
from fusionrec.recommend.gallery import Card, Shelf
from fusionrec.recommend.requests import Requests

IMAGES = "data/images"
MODALITIES = {"vision": "picture", "language": "text"}


class Near(NamedTuple):
    """An item, and how like another it is: the cosine of their vectors."""

    item: int
    cosine: float


def nearest(content: ItemInputs, modality: str, items: np.ndarray, history: np.ndarray) -> list[Near | None]:
    """For each of `items` the one of `history` that is most like it, and not it itself.

    Args:
        content: inputs of all items.
        modality: vision or language.
        items: int64 [n].
        history: int64 [m].

    Returns:
        n; None where the item has no vector, or nothing is like it at all: no cosine is above 0.
    """
    x: torch.Tensor = getattr(content, modality)
    present: torch.Tensor = getattr(content, f"{modality}_present")
    if not len(history) or not x.shape[1]:
        return [None] * len(items)
    left, right = (x[torch.from_numpy(rows).to(x.device)].cpu().double() for rows in (items, history))
    left, right = (
        rows / rows.square().sum(1, keepdim=True).sqrt().clamp(min=1e-12) for rows in (left, right)
    )
    cosine = (left @ right.T).numpy()
    there = present.cpu().numpy()
    cosine[~there[items]] = -1
    cosine[:, ~there[history]] = -1
    cosine[items[:, None] == history] = -1
    best = cosine.argmax(1)
    found = [Near(int(history[b]), float(row[b])) for row, b in zip(cosine, best, strict=True)]
    return [near if near.cosine > 0 else None for near in found]


class GalleryCards:
    """Makes cards of items.

    Args:
        engine: knows titles, categories and vectors.
        manifest: of the pictures, a row an item: status, shard, offset, bytes.
        folder: holds their shards.
    """

    def __init__(self, engine: Engine, manifest: pd.DataFrame, folder: str):
        self.engine, self.manifest, self.folder = engine, manifest, folder
        items = engine.split.items
        self.titles = items["title"].tolist()
        columns = [str(name) for name in items if str(name).startswith(CATEGORY)]
        rows = zip(*(items[name] for name in columns), strict=True) if columns else [()] * len(items)
        self.tags = [", ".join(value for values in row for value in values) for row in rows]
        self.row = pd.Index(engine.item_ids)

    def shelf(self, user: str, table: pd.DataFrame, past: np.ndarray, history: int) -> Shelf:
        """One user's.

        Args:
            user: the id.
            table: the user's rows of `engine.SCHEMA`.
            past: int64, what the user chose, oldest first.
            history: the newest so many are shown.
        """
        items, newest = self.row.get_indexer(table["item_id"]), past[::-1].copy()
        like = {
            name: nearest(self.engine.model.content, modality, items, newest)
            for modality, name in MODALITIES.items()
        }
        cards = []
        for place, (item, score) in enumerate(zip(items.tolist(), table["score"].tolist(), strict=True)):
            found = {name: near[place] for name, near in like.items()}
            reasons = tuple(
                (f"{name} like", f"{self.titles[near.item]} ({near.cosine:.2f})")
                for name, near in found.items()
                if near is not None
            )
            popular = table["basis"].iloc[place] == lists.POPULARITY
            said = f"{score:,.0f} users" if popular else f"score {score:.2f}"
            cards.append(self.card(item, said, reasons))
        own = len(table) and table["basis"].iloc[0] == lists.HISTORY
        choices = f"{len(past):,} choice{'' if len(past) == 1 else 's'}"
        basis = f"from {choices}" if own else "what is popular"
        return Shelf(user, basis, [self.card(i) for i in newest[:history].tolist()], cards)

    def card(self, item: int, said: str = "", reasons: tuple[tuple[str, str], ...] = ()) -> Card:
        """One item's, with its picture read from the shards, and categories where something is `said`."""
        note = " · ".join(part for part in (self.tags[item], said) if said and part)
        picture = None
        if self.manifest["status"].iloc[item] == "ok":
            (picture,) = files.read_members(self.folder, files.members(self.manifest.iloc[[item]]))
        return Card(self.titles[item], note, picture, reasons)


def page(engine: Engine, asked: Requests, table: pd.DataFrame, users: int, history: int) -> str:
    """The gallery of the first `users` of a request, as HTML.

    Args:
        engine: made the lists.
        asked: the request.
        table: the lists of these users, rows of `engine.SCHEMA`.
        users: how many are shown.
        history: how many of each user's newest items are shown.
    """
    manifest = files.read_table(f"{IMAGES}/manifest.parquet", ["status", "shard", "offset", "bytes"])
    cards = GalleryCards(engine, manifest, IMAGES)
    lists_of = dict(iter(table.groupby("user_id", sort=False)))
    shelves = [
        cards.shelf(user, lists_of.get(user, table[:0]), asked.past[row], history)
        for user, row in zip(asked.ids[:users], asked.rows[:users], strict=True)
    ]
    return gallery.page(shelves)
