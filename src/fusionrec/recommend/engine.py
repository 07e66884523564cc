"""A model's folder and the histories of a split, ready to answer questions."""

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
from fusionrec.models.baselines.popularity import Popularity
from fusionrec.models.trained_model import TrainedModel
from fusionrec.recommend import limits, lists, requests, rerank_features
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
    """What a split knows: the catalogue, users, and all that they chose, held-out parts included."""

    items: pd.DataFrame
    user_ids: list[str]
    past: Histories


class Engine:
    """Recommends.

    Attributes:
        model: scores.
        split: of the data that it was trained on.
    """

    def __init__(self, model: TrainedModel, split: Split):
        self.model, self.split = model, split
        self.item_ids = split.items["item_id"].tolist()
        self.popularity = Popularity(split.past, len(split.items))
        self._ids = pa.array(self.item_ids, pa.string())
        self._titles = pa.array(split.items["title"].tolist(), pa.string())

    @cached_property
    def traits(self) -> RerankFeatures:
        """What re-ranking looks at."""
        chosen = self.split.items["train_interactions"].to_numpy()
        return rerank_features.of(self.model.content, chosen, len(self.split.user_ids))

    def audience(self, asked: list[str], given: pd.DataFrame | None = None) -> Requests:
        """Users and what is known of them; see `requests.gather`."""
        return requests.gather(asked, self.split.user_ids, self.item_ids, self.split.past, given)

    def rules(
        self,
        k: int,
        rerank: Rerank,
        filter_seen: bool = True,
        exclude: list[str] | None = None,
        category_limits: dict[str, int] | None = None,
    ) -> Rules:
        """What lists are like; see `Rules`. Items of `exclude` that the catalogue lacks need no exclusion."""
        excluded = pd.Index(self.item_ids).get_indexer(pd.Index(exclude or [], dtype=object))
        limited = limits.of(self.split.items, category_limits or {})
        return Rules(k, filter_seen, excluded[excluded >= 0].astype(np.int64), limited, rerank)

    def blocks(self, asked: Requests, rules: Rules, threads: int = 0) -> Iterator[Block]:
        """Lists of an audience, in its order, some users at a time; see `lists.stream`."""
        known = None if rules.rerank.method == "none" else self.traits
        return lists.stream(self.model, self.popularity, asked.rows, asked.past, rules, known, threads)

    def table(self, asked: Requests, block: Block) -> pa.Table:
        """The rows of `SCHEMA`: fewer than k for users of whom almost everything is seen or excluded."""
        row, rank = np.nonzero(block.lists.items >= 0)
        item, place = pa.array(block.lists.items[row, rank]), block.places[row]
        ids = pa.array([asked.ids[place] for place in block.places], pa.string())
        basis = pa.array([lists.POPULARITY, lists.HISTORY]).take(pa.array(block.own[row].astype(np.int64)))
        columns = [
            ids.take(pa.array(place - block.places[0])) if len(place) else ids[:0],
            pa.array(rank + 1),
            self._ids.take(item),
            self._titles.take(item),
            pa.array(block.lists.scores[row, rank]),
            basis,
        ]
        return pa.table(columns, SCHEMA)

    def tables(self, asked: Requests, rules: Rules, threads: int = 0) -> Iterator[pa.Table]:
        """`blocks` as tables."""
        return (self.table(asked, block) for block in self.blocks(asked, rules, threads))


def load(model: Path | str, splits: Path | str, device: torch.device) -> Engine:
    """Read a model's folder and the split that it was trained on.

    Raises:
        UserError: if a file is missing or broken, or both do not fit together.
    """
    split = read_split(Path(splits))
    return Engine(checkpoint.load(model, device, split.items["item_id"].tolist()), split)


def read_split(folder: Path) -> Split:
    """Read the tables of a split."""
    try:
        items, users = (files.read_table(folder / f"{name}.parquet") for name in ("items", "users"))
        log = pd.concat([files.read_table(folder / f"{part}.parquet", LOG) for part in PARTS])
    except FileNotFoundError as error:
        raise UserError(f"{error.filename or folder}: not found; run `dvc repro splits`") from None
    user_ids = users["user_id"].tolist()
    return Split(items, user_ids, Histories.of(log, len(user_ids)))
