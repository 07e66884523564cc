"""A trained model in Python: recommendations, similar items, new items, vectors.

import fusionrec.api

shop = fusionrec.api.load("shop")  # of `fusionrec pack shop`; or, in the repository's root, load()
shop.recommend(["u00022"], k=5)
shop.similar_items(["p0001"], by="vision")
shop.score_new_item("poster.jpg", "A quiet harbour at dusk.", users=["u00022"])
"""

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from PIL import Image

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.evaluation import catalogue_ranking
from fusionrec.models import preparation
from fusionrec.recommend import arguments, engine, lists, packing, vectors, writing
from fusionrec.recommend.engine import Engine
from fusionrec.recommend.grown import grow
from fusionrec.recommend.new_items import NewItem, Preparer
from fusionrec.recommend.requests import Requests
from fusionrec.recommend.rerank_options import Rerank

PLAIN = Rerank(method="none", max_candidates=100, strength=0, novelty=0)

Histories = Mapping[str, Sequence[str]]  # item ids by user id, oldest first


def load(
    model: Path | str = "data/model", splits: Path | str | None = None, device: str = "cpu"
) -> "FusionRec":
    """Load a trained model and the histories that it recommends from.

    Args:
        model: the model's folder, or that of a packed model.
        splits: the folder of the split that the model was trained on. None: what is packed with the model, or else
            data/splits.
        device: a name of a torch device.

    Raises:
        UserError: if a file is missing or damaged, or if the model was trained on another split.
    """
    try:
        where = torch.device(device)
    except (RuntimeError, TypeError) as error:
        raise UserError(f"device: {str(error).splitlines()[0]}") from None
    if splits is None and packing.packed(model):
        return FusionRec(packing.load(model, where), Path(model))
    return FusionRec(engine.load(model, splits or "data/splits", where), Path(model))


class FusionRec:
    """A trained model that answers requests; see `load`.

    User ids may be unknown to the split. `histories` are further interactions of users, known or unknown. They count
    as newer than those of the split; items that are not in the catalogue are ignored. The column `basis` of
    results says where a score comes from: with `history` it is the model's score, with `popularity` it is the number
    of users who chose the item.

    Attributes:
        engine: makes recommendation lists.
        folder: the model's folder.
    """

    def __init__(self, engine: Engine, folder: Path):
        self.engine, self.folder = engine, folder

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
            user_ids: users to recommend to; duplicates are ignored.
            k: length of the lists.
            histories: further interactions; see `FusionRec`.
            filter_seen: whether items of a user's history stay out of the list.
            exclude: ids of items that are never recommended.
            category_limits: the largest number of items with the same value in one list, by the category's name
                without its prefix.
            rerank: how lists are re-ranked; see `Rerank`.

        Returns:
            A table with user_id, rank (from 1), item_id, title, score and basis, one row per recommendation. A user
            has fewer than k rows if fewer than k items are left after seen and excluded items are removed.

        Raises:
            UserError: if an argument is not what it must be, the items have no such category, or none has what the
                method of re-ranking needs.
        """
        most, limits = arguments.count("k", k, len(self.engine.item_ids)), arguments.limits(category_limits)
        rules = self.engine.rules(most, rerank, filter_seen, arguments.ids("exclude", exclude), limits)
        requested = self._requests(user_ids, histories)
        return writing.frame(self.engine.tables(requested, rules))

    def similar_items(self, item_ids: Sequence[str], k: int = 10, *, by: str = "model") -> pd.DataFrame:
        """The k most similar items of each item.

        Args:
            item_ids: ids of items in the catalogue.
            k: the number of similar items.
            by: whose vectors are compared: those of the model, which combine all inputs, or of one modality, such as
                vision or language.

        Returns:
            A table with item_id, rank (from 1), similar_item_id, title and cosine. An item has no rows if it has no
            picture or text to compare by, or if nobody chose it in train and the model knows items by ids only.

        Raises:
            UserError: if an item is not in the catalogue, or the model does not have this input.
        """
        ids, item_ids = self.engine.item_ids, arguments.ids("item_ids", item_ids)
        k = arguments.count("k", k, len(ids))
        rows = self.engine.items.get_indexer(pd.Index([*item_ids], dtype=object)).astype(np.int64)
        if (rows < 0).any():
            raise UserError(
                f"items {[item_ids[i] for i in np.flatnonzero(rows < 0)[:3]]} are not in the catalogue"
            )
        similar = vectors.similar(vectors.of(self.engine.model, by), rows, k)
        row, rank = np.nonzero(similar.items >= 0)
        item = similar.items[row, rank]
        return pd.DataFrame(
            {
                "item_id": np.array(item_ids, object)[row],
                "rank": rank + 1,
                "similar_item_id": np.array(ids, object)[item],
                "title": self.engine.split.items["title"].to_numpy()[item],
                "cosine": similar.scores[row, rank],
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
        """Score an item that is not in the catalogue, from its picture, text and attributes, without training.

        Args:
            image: a file's path, its bytes, or a picture.
            text: the text that the language encoder reads. None: it is composed of title, description and
                categories, as for items of the catalogue.
            title: uncleaned text.
            description: uncleaned text.
            categories: values by column name without its prefix.
            numbers: values by column name without its prefix; a date is a decimal year.
            users: ids of the users to score for. None: all users of the split.
            histories: further interactions; see `FusionRec`.

        Returns:
            A table with user_id, score, rank (the item's rank in the user's list, from 1) and basis, one row per
            user. Score and rank are missing where the basis is `popularity`: no user has chosen the item yet.

        Raises:
            UserError: if the picture cannot be used, the catalogue does not have an attribute, or the weights of an
                encoder are not available.
        """
        item = NewItem(image, text, title, description, categories or {}, numbers or {})
        return self.score_new_items([item], users, histories).drop(columns="item")

    def score_new_items(
        self,
        items: Sequence[NewItem],
        users: Sequence[str] | None = None,
        histories: Histories | None = None,
    ) -> pd.DataFrame:
        """Score several items that are not in the catalogue; each is ranked against the catalogue alone.

        Returns:
            The columns of `score_new_item`, and item: the position in `items`.

        Raises:
            UserError: see `score_new_item`.
        """
        return self.score_inputs(self.preparer.content(items), users, histories)

    def score_inputs(
        self, content: ItemInputs, users: Sequence[str] | None = None, histories: Histories | None = None
    ) -> pd.DataFrame:
        """`score_new_items` for items whose inputs `preparer` has made already."""
        model, items = self.engine.model, len(content.trained)
        new = model.among(content.to(model.device))
        requested = self._requests(self.engine.split.user_ids if users is None else users, histories)
        known = model.knows(requested.rows, requested.past)
        scores, rank = [np.zeros((0, items), np.float32)], [np.zeros((0, items), np.int64)]
        chunk = max(1, min(catalogue_ranking.CHUNK, len(known)))  # a few users need not wait for padding
        for batch, others in catalogue_ranking.masked_scores(model, requested.rows, requested.past, chunk):
            new_scores = new.score(batch, requested.past)
            better = [(others > column[:, None]).sum(1) for column in new_scores.T]
            scores.append(new_scores.cpu().numpy())
            rank.append(torch.stack(better, 1).cpu().numpy() + 1)
        from_history = np.tile(known, items)
        return pd.DataFrame(
            {
                "item": np.repeat(np.arange(items), len(known)),
                "user_id": np.tile(np.array(requested.ids, object), items),
                "score": np.where(from_history, np.concatenate(scores).T.ravel(), np.float32(np.nan)),
                "rank": pd.Series(np.concatenate(rank).T.ravel(), dtype="Int64").mask(~from_history),
                "basis": np.where(from_history, lists.HISTORY, lists.POPULARITY),
            }
        )

    def with_items(self, items: Mapping[str, NewItem]) -> "FusionRec":
        """The same recommender with further items in its catalogue, by id; they are recommended from their contents.

        Nothing is trained: what users choose of them is kept out of their lists, but says nothing of these users.

        Raises:
            UserError: if an item is in the catalogue already, or the model cannot score new items; see also
                `score_new_item`.
        """
        there = [item_id for item_id in arguments.ids("items", [*items]) if item_id in self.engine.items]
        if there:
            raise UserError(f"items {there[:3]} are in the catalogue already; leave them out")
        return self.with_inputs(items, self.preparer.content([*items.values()])) if items else self

    def with_inputs(self, items: Mapping[str, NewItem], content: ItemInputs) -> "FusionRec":
        """`with_items` for items whose inputs `preparer` has made already, in their order."""
        rows = self.preparer.table([*items.values()]).assign(item_id=[*items])
        grown = FusionRec(grow(self.engine, content, rows), self.folder)
        grown.preparer = self.preparer
        return grown

    def export(self, folder: Path | str) -> None:
        """Write vectors of items and users for a vector index; see `vectors.export`.

        Raises:
            UserError: if the model does not rank by inner product.
        """
        vectors.export(folder, self.engine.model, self.engine.split.user_ids, self.engine.split.past)

    @cached_property
    def preparer(self) -> Preparer:
        """Makes the inputs of new items; its encoders stay in memory."""
        prepared = preparation.load(self.folder)
        preparation.check_widths(self.folder, prepared.fitted, self.engine.model.content)
        return Preparer(self.folder, prepared, self.engine.model.device)

    def _requests(self, user_ids: Sequence[str], histories: Histories | None) -> Requests:
        users, pairs = arguments.ids("user_ids", user_ids), arguments.histories(histories)
        return self.engine.requests(users, pd.DataFrame(pairs, columns=["user_id", "item_id"]))
