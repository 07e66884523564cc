"""Recommends with a trained model, from the histories of the split that it was trained on."""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import torch

from fusionrec import files
from fusionrec.data.histories import LOG, Histories
from fusionrec.errors import UserError
from fusionrec.models import checkpoint
from fusionrec.models.popularity_scores import PopularityScores
from fusionrec.models.trained_model import TrainedModel
from fusionrec.recommend import lists, requests, rerank_features
from fusionrec.recommend.limits import Categories
from fusionrec.recommend.lists import Block, Rules
from fusionrec.recommend.requests import Requests
from fusionrec.recommend.rerank import RerankFeatures
from fusionrec.recommend.rerank_options import Rerank

PARTS = ("train", "val", "test", "fold_in")
SCHEMA = pa.schema(
    {
        "user_id": pa.string(),
        "rank": pa.int64(),
        "item_id": pa.string(),
        "title": pa.string(),
        "score": pa.float32(),
        "basis": pa.string(),
    }
)


class Split(NamedTuple):
    """A split of the data.

    Attributes:
        items: the item table, one row per item.
        user_ids: [users].
        past: all interactions of each user, held-out parts included, oldest first.
    """

    items: pd.DataFrame
    user_ids: list[str]
    past: Histories


class Engine:
    """Makes recommendation lists.

    Attributes:
        model: scores items for users.
        split: the split that the model was trained on.
        popularity: scores items for users without a history that the model knows.
        item_ids: [items].
        items: the same as an index.
        users: the ids of the users, likewise.
    """

    def __init__(self, model: TrainedModel, split: Split):
        self.model, self.split = model, split
        self.item_ids = split.items["item_id"].tolist()
        self.items, self.users = pd.Index(self.item_ids, dtype=object), pd.Index(split.user_ids, dtype=object)
        self.categories = Categories(split.items)
        self.popularity = PopularityScores(split.past, len(split.items))
        self._ids = pa.array(self.item_ids, pa.string())
        self._titles = pa.array(split.items["title"].tolist(), pa.string())

    @cached_property
    def features(self) -> RerankFeatures:
        """Vectors, novelty and categories of all items, for re-ranking."""
        chosen = self.split.items["train_interactions"].to_numpy()
        return rerank_features.of(self.model.content, chosen, len(self.split.user_ids))

    def requests(self, user_ids: list[str], given: pd.DataFrame | None = None) -> Requests:
        """Users to recommend to, and their histories; see `requests.gather`."""
        return requests.gather(user_ids, self.users, self.items, self.split.past, given)

    def rules(
        self,
        k: int,
        rerank: Rerank,
        filter_seen: bool = True,
        exclude: list[str] | None = None,
        category_limits: dict[str, int] | None = None,
    ) -> Rules:
        """The rules for lists.

        Args:
            k: length of the lists.
            rerank: how the best candidates are re-ranked.
            filter_seen: whether items of a user's history stay out of the list.
            exclude: ids of items that are never recommended; ids that are not in the catalogue are ignored.
            category_limits: the largest number of items with the same value in one list, by category name.

        Raises:
            UserError: if the items have no such category.
        """
        excluded = (
            self.items.get_indexer(pd.Index(exclude, dtype=object)) if exclude else np.zeros(0, np.int64)
        )
        limited = self.categories.limits(category_limits or {})
        return Rules(k, filter_seen, excluded[excluded >= 0].astype(np.int64), limited, rerank)

    def blocks(self, requested: Requests, rules: Rules, threads: int = 0) -> Iterator[Block]:
        """Lists of the requested users, in their order, a block of users at a time; see `lists.stream`."""
        features = None if rules.rerank.method == "none" else self.features
        rows, past = requested.rows, requested.past
        return lists.stream(self.model, self.popularity, rows, past, rules, features, threads)

    def table(self, requested: Requests, block: Block) -> pa.Table:
        """The lists of a block as a table of `SCHEMA`.

        A user has fewer than k rows if fewer than k items are left after seen and excluded items are removed.
        """
        row, rank = np.nonzero(block.lists.items >= 0)
        item, position = pa.array(block.lists.items[row, rank]), block.positions[row]
        ids = pa.array([requested.ids[position] for position in block.positions], pa.string())
        basis = pa.array([lists.POPULARITY, lists.HISTORY]).take(
            pa.array(block.from_history[row].astype(np.int64))
        )
        columns = [
            ids.take(pa.array(position - block.positions[0])) if len(position) else ids[:0],
            pa.array(rank + 1),
            self._ids.take(item),
            self._titles.take(item),
            pa.array(block.lists.scores[row, rank]),
            basis,
        ]
        return pa.table(columns, SCHEMA)

    def tables(self, requested: Requests, rules: Rules, threads: int = 0) -> Iterator[pa.Table]:
        """The lists of `blocks` as tables of `SCHEMA`."""
        return (self.table(requested, block) for block in self.blocks(requested, rules, threads))


def load(model: Path | str, splits: Path | str, device: torch.device) -> Engine:
    """Read a model's folder and the split that it was trained on.

    Raises:
        UserError: if a file is missing or damaged, or if the model was trained on another split.
    """
    split = read_split(Path(splits))
    trained = checkpoint.load(model, device, split.items["item_id"].tolist())
    if trained.user_ids != split.user_ids:
        raise UserError(f"{model}: its users are not those of {splits}, in this order; run `dvc repro model`")
    return Engine(trained, split)


def read_split(folder: Path) -> Split:
    """Read the tables of a split.

    Raises:
        UserError: if a table is missing.
    """
    try:
        items, users = (files.read_table(folder / f"{name}.parquet") for name in ("items", "users"))
        log = pd.concat([files.read_table(folder / f"{part}.parquet", LOG) for part in PARTS])
    except FileNotFoundError as error:
        raise UserError(f"{error.filename or folder}: not found; run `dvc repro splits`") from None
    user_ids = users["user_id"].tolist()
    return Split(items, user_ids, Histories.of(log, len(user_ids)))
