"""A trained model in Python: recommendations, similar items, new items, vectors.

import fusionrec.api

shop = fusionrec.api.load()  # in the repository's root: data/model, data/splits
shop.recommend(["u00022"], k=5)
shop.similar_items(["p0001"], by="vision")
shop.score_new_item("poster.jpg", "A quiet harbour at dusk.", users=["u00022"])
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
import torch
from PIL import Image

from fusionrec.errors import UserError
from fusionrec.evaluation import catalogue_ranking
from fusionrec.models import preparation
from fusionrec.recommend import engine, lists, vectors, writing
from fusionrec.recommend.engine import Engine
from fusionrec.recommend.new_items import NewItem, Preparer
from fusionrec.recommend.requests import Requests
from fusionrec.recommend.rerank_options import Rerank

PLAIN = Rerank(method="none", max_candidates=100, strength=0, novelty=0)

Histories = Mapping[str, Sequence[str]]  # items of users by their ids, oldest first


def load(
    model: Path | str = "data/model", splits: Path | str = "data/splits", device: str = "cpu"
) -> "FusionRec":
    """Read a model's folder, and the split whose histories it recommends from.

    Raises:
        UserError: if a file is missing or broken, or both do not fit together.
    """
    found = engine.load(model, splits, torch.device(device))
    return FusionRec(found, Path(model))


class FusionRec:
    """See `load`.

    Users whom the split does not know are welcome everywhere. What they are given as `histories` counts, as
    far as the catalogue knows the items; it also counts beside what is known of other users, as the newest.
    The column `basis` says what a score is based on: `history`, and it is the model's, or `popularity`, and it
    is how many users chose the item.
    """

    def __init__(self, found: Engine, folder: Path):
        self.engine, self.folder = found, folder

    def recommend(
        self,
        user_ids: Sequence[str],
        k: int = 10,
        *,
        histories: Histories | None = None,
        filter_seen: bool = True,
        exclude: Sequence[str] = (),
        category_limits: Mapping[str, int] | None = None,
        rerank: Rerank = PLAIN,
    ) -> pd.DataFrame:
        """The k best items of each user.

        Args:
            user_ids: those asked for; each is answered once.
            k: length of the lists.
            histories: see `FusionRec`.
            filter_seen: keep what a user chose out of the lists.
            exclude: ids of items that are not recommended.
            category_limits: at most so many items of one value, by the category's bare name.
            rerank: see `Rerank`.

        Returns:
            user_id, rank (from 1), item_id, title, score, basis; fewer than k rows of a user of whom almost
            everything is seen or excluded.
        """
        rules = self.engine.rules(k, rerank, filter_seen, [*exclude], {**(category_limits or {})})
        asked = self._asked(user_ids, histories)
        return writing.frame(self.engine.tables(asked, rules))

    def similar_items(
        self, item_ids: Sequence[str], k: int = 10, *, by: Literal["model", "vision", "language"] = "model"
    ) -> pd.DataFrame:
        """The k items that are most like each of `item_ids`.

        Args:
            item_ids: of the catalogue.
            k: how many.
            by: what is compared: what the model makes of all inputs, pictures alone, or texts alone.

        Returns:
            item_id, rank (from 1), similar_item_id, title, cosine; none for an item that has no picture or text.

        Raises:
            UserError: if the catalogue lacks an item, or the model has no such input.
        """
        ids = self.engine.item_ids
        rows = pd.Index(ids).get_indexer(pd.Index([*item_ids])).astype(np.int64)
        if (rows < 0).any():
            raise UserError(
                f"items {[item_ids[i] for i in np.flatnonzero(rows < 0)[:3]]} are not in data/splits"
            )
        model = self.engine.model
        x = model.towers.candidates if by == "model" else getattr(model.content, by)
        if not x.shape[1]:
            raise UserError(f"by={by}: model.{by} is none; compare by another")
        found = vectors.similar(x, rows, k)
        row, rank = np.nonzero(found.items >= 0)
        item = found.items[row, rank]
        return pd.DataFrame(
            {
                "item_id": np.array(item_ids, object)[row],
                "rank": rank + 1,
                "similar_item_id": np.array(ids, object)[item],
                "title": self.engine.split.items["title"].to_numpy()[item],
                "cosine": found.scores[row, rank],
            }
        )

    def score_new_item(
        self,
        image: Path | str | bytes | Image.Image | None = None,
        text: str | None = None,
        *,
        title: str = "",
        description: str = "",
        categories: Mapping[str, Sequence[str] | str] | None = None,
        numbers: Mapping[str, float] | None = None,
        users: Sequence[str] | None = None,
        histories: Histories | None = None,
    ) -> pd.DataFrame:
        """Score an item that the catalogue lacks, without training: it lives on its contents.

        Args:
            image: a file's path, its bytes, or a picture.
            text: what the language encoder reads. None: composed of title, description and categories, as
                those of the catalogue were.
            title: raw.
            description: raw.
            categories: values by the bare name of the column.
            numbers: by the bare name of the column; a date is its decimal year.
            users: whose scores are wanted. None: all.
            histories: see `FusionRec`.

        Returns:
            user_id; score; rank, the place that it would take in the user's list; basis: of users of whom
            nothing is known there is neither, since nobody chose the item: NaN.

        Raises:
            UserError: if a picture cannot be used, an attribute is unknown, or the weights of an encoder are
                not to be had.
        """
        item = NewItem(image, text, title, description, categories or {}, numbers or {})
        return self.score_new_items([item], users, histories).drop(columns="item")

    def score_new_items(
        self,
        items: Sequence[NewItem],
        users: Sequence[str] | None = None,
        histories: Histories | None = None,
    ) -> pd.DataFrame:
        """See `score_new_item`; the column `item` is the place in `items`, which do not compete with each other."""
        model = self.engine.model
        new = model.among(self.preparer.content(items).to(model.device))
        asked = self._asked(self.engine.split.user_ids if users is None else users, histories)
        known = model.knows(asked.rows, asked.past)
        scores, rank = [np.zeros((0, len(items)), np.float32)], [np.zeros((0, len(items)), np.int64)]
        for some, others in catalogue_ranking.masked_scores(model, asked.rows, asked.past):
            found = new.score(some, asked.past)
            better = [(others > column[:, None]).sum(1) for column in found.T]
            scores.append(found.cpu().numpy())
            rank.append(torch.stack(better, 1).cpu().numpy() + 1)
        own = np.tile(known, len(items))
        return pd.DataFrame(
            {
                "item": np.repeat(np.arange(len(items)), len(known)),
                "user_id": np.tile(np.array(asked.ids, object), len(items)),
                "score": np.where(own, np.concatenate(scores).T.ravel(), np.float32(np.nan)),
                "rank": pd.Series(np.concatenate(rank).T.ravel(), dtype="Int64").mask(~own),
                "basis": np.where(own, lists.HISTORY, lists.POPULARITY),
            }
        )

    def export(self, folder: Path | str) -> None:
        """Write vectors of items and users for a vector index; see `vectors.export`."""
        vectors.export(folder, self.engine.model, self.engine.split.user_ids, self.engine.split.past)

    @cached_property
    def preparer(self) -> Preparer:
        """Makes inputs of new items; its encoders stay loaded."""
        return Preparer(self.folder, preparation.load(self.folder), self.engine.model.device)

    def _asked(self, user_ids: Sequence[str], histories: Histories | None) -> Requests:
        pairs = [(user, item) for user, items in (histories or {}).items() for item in items]
        return self.engine.audience([*user_ids], pd.DataFrame(pairs, columns=["user_id", "item_id"]))
