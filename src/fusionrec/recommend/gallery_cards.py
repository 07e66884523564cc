"""Turns recommendation lists into the cards of the gallery: pictures, notes and reasons."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import torch

from fusionrec import files
from fusionrec.data.attributes import CATEGORY
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.recommend import gallery, lists
from fusionrec.recommend.engine import Engine
from fusionrec.recommend.gallery import Card, UserCards
from fusionrec.recommend.requests import Requests

IMAGES = "data/images"
NAMES = {"vision": "picture", "language": "text"}  # of modalities; others have their own


class SimilarItem(NamedTuple):
    """An item, and the cosine of its vector and that of the item that it was compared with."""

    item: int
    cosine: float


def nearest(
    content: ItemInputs, modality: str, items: np.ndarray, history: np.ndarray
) -> list[SimilarItem | None]:
    """For each item the most similar other item of a history.

    Args:
        content: inputs of all items.
        modality: whose vectors are compared.
        items: int64 [n], item rows.
        history: int64 [m], item rows.

    Returns:
        [n]; None if the item has no vector, or if no cosine is above 0.
    """
    if not len(history) or modality not in content.modalities:
        return [None] * len(items)
    x, present, _ = content.modalities[modality]
    left, right = (x[torch.from_numpy(rows).to(x.device)].cpu().double() for rows in (items, history))
    left, right = (
        rows / rows.square().sum(1, keepdim=True).sqrt().clamp(min=1e-12) for rows in (left, right)
    )
    cosine = (left @ right.T).numpy()
    has_vector = present.cpu().numpy()
    cosine[~has_vector[items]] = -1
    cosine[:, ~has_vector[history]] = -1
    cosine[items[:, None] == history] = -1
    best = cosine.argmax(1)
    similar = [SimilarItem(int(history[b]), float(row[b])) for row, b in zip(cosine, best, strict=True)]
    return [item if item.cosine > 0 else None for item in similar]


class GalleryCards:
    """Makes cards of items.

    Args:
        engine: holds titles, categories and vectors of all items.
        manifest: one row per item: status of its picture, and the fields of `files.Member`.
        folder: holds the shards of pictures.
    """

    def __init__(self, engine: Engine, manifest: pd.DataFrame, folder: str):
        self.engine, self.manifest, self.folder = engine, manifest, folder
        items = engine.split.items
        self.titles = items["title"].tolist()
        columns = [str(name) for name in items if str(name).startswith(CATEGORY)]
        rows = zip(*(items[name] for name in columns), strict=True) if columns else [()] * len(items)
        self.tags = [", ".join(value for values in row for value in values) for row in rows]
        self.row = pd.Index(engine.item_ids)

    def user_cards(self, user: str, table: pd.DataFrame, past: np.ndarray, history: int) -> UserCards:
        """The cards of one user.

        Args:
            user: the user's id.
            table: the user's list, a table of `engine.SCHEMA`.
            past: int64 [m], rows of the items that the user chose, oldest first.
            history: how many of the newest of them are shown.
        """
        items, newest = self.row.get_indexer(table["item_id"]), past[::-1].copy()
        content = self.engine.model.content
        similar = {
            NAMES.get(modality, modality): nearest(content, modality, items, newest)
            for modality in content.modalities
        }
        cards = []
        for position, (item, score) in enumerate(zip(items.tolist(), table["score"].tolist(), strict=True)):
            most_similar = {name: items[position] for name, items in similar.items()}
            reasons = tuple(
                (f"{name} like", f"{self.titles[other.item]} ({other.cosine:.2f})")
                for name, other in most_similar.items()
                if other is not None
            )
            popular = table["basis"].iloc[position] == lists.POPULARITY
            shown_score = f"{score:,.0f} users" if popular else f"score {score:.2f}"
            cards.append(self.card(item, shown_score, reasons))
        from_history = len(table) and table["basis"].iloc[0] == lists.HISTORY
        choices = f"{len(past):,} choice{'' if len(past) == 1 else 's'}"
        basis = f"from {choices}" if from_history else "what is popular"
        return UserCards(user, basis, [self.card(i) for i in newest[:history].tolist()], cards)

    def card(self, item: int, score: str = "", reasons: tuple[tuple[str, str], ...] = ()) -> Card:
        """The card of one item; its picture is read from the shards.

        Args:
            item: row of the item.
            score: the score as text. If it is empty, the card has no note; otherwise categories and score.
            reasons: see `Card`.
        """
        note = " · ".join(part for part in (self.tags[item], score) if score and part)
        picture = None
        if self.manifest["status"].iloc[item] == "ok":
            (picture,) = files.read_members(self.folder, files.members(self.manifest.iloc[[item]]))
        return Card(self.titles[item], note, picture, reasons)


def page(engine: Engine, requested: Requests, table: pd.DataFrame, users: int, history: int) -> str:
    """The gallery of the first requested users, as HTML.

    Args:
        engine: the engine that made the lists.
        requested: users and their histories.
        table: the lists of these users, a table of `engine.SCHEMA`.
        users: how many users are shown.
        history: how many of each user's newest items are shown.
    """
    manifest = files.read_table(f"{IMAGES}/manifest.parquet", ["status", *files.Member._fields])
    cards = GalleryCards(engine, manifest, IMAGES)
    lists_of = dict(iter(table.groupby("user_id", sort=False)))
    shown = [
        cards.user_cards(user, lists_of.get(user, table[:0]), requested.past[row], history)
        for user, row in zip(requested.ids[:users], requested.rows[:users], strict=True)
    ]
    return gallery.page(shown)
