"""A packed model that answers requests: the same answers as `fusionrec.api`, ready for JSON.

Everything here runs in one thread at a time; see `fusionrec.serve.batching`.
"""

import logging
from collections.abc import Sequence
from copy import copy
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import torch

import fusionrec.api
from fusionrec.data.attributes import CATEGORY, NUMBER
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs, joined
from fusionrec.errors import UserError
from fusionrec.recommend import approximate, lists, packing, requests, rerank, vectors
from fusionrec.recommend.additions import Addition, Additions
from fusionrec.recommend.engine import Engine
from fusionrec.recommend.lists import Block, Rules
from fusionrec.serve import options as limits
from fusionrec.serve.catalogue import Catalogue
from fusionrec.serve.schemas import ListsRequest, NewItemRequest

log = logging.getLogger("uvicorn.error")


class _Asked(NamedTuple):
    """One list of a request: which request, whom for, the row or -1, the rows of further choices."""

    request: int
    user_id: str
    row: int
    newer: np.ndarray
    rules: Rules


class Served:
    """A packed model in memory; its index is used if it has one, unless `exact`.

    Attributes:
        shop: its API.
        name: what tells it from other models: see `packing.name`.
        catalogue: what is shown of its items.
    """

    def __init__(self, folder: Path, exact: bool = False):
        self.folder = folder.resolve()  # a link may point elsewhere later
        if not packing.packed(self.folder):
            raise UserError(f"{folder}: not a packed model; make one with `fusionrec pack`")
        self.name = packing.name(self.folder)
        self.shop = fusionrec.api.load(self.folder)
        self.index = None if exact else approximate.load(self.folder / packing.CATALOGUE, self.engine.model)
        self.catalogue = Catalogue(self.engine, self.folder)
        self._lengths: dict[str, torch.Tensor] = {}

    @property
    def engine(self) -> Engine:
        """Makes the lists."""
        return self.shop.engine

    def grown(self, additions: Additions) -> "Served":
        """The same model with items that were added, but for those of its own catalogue.

        Those that it cannot use are left out; the log says why.
        """
        if not self.scores_new_items:
            log.warning("the model does not score new items: those that were added are left out")
            return self
        added, contents = list[Addition](), list[ItemInputs]()
        for one in additions.read():
            if one.item_id not in self.engine.items:
                try:
                    contents.append(additions.inputs(one, self.shop.preparer, self.name))
                    added.append(one)
                except UserError as error:
                    log.warning("the added item %r is left out: %s", one.item_id, error)
        if not added:
            return self
        new, content = copy(self), joined(contents)
        new.shop = self.shop.with_inputs({one.item_id: one.item for one in added}, content)
        new.catalogue = Catalogue(new.engine, self.folder, added)
        new._lengths = {}
        if self.index is not None:
            of_added = vectors.item_vectors(self.engine.model.among(content))
            new.index = self.index._replace(added=of_added, first=len(self.engine.item_ids))
        return new

    def warm(self) -> None:
        """Load the encoders, and run each once.

        Raises:
            UserError: if the model cannot score new items, or weights are not available.
        """
        nobody = np.zeros(3, np.uint8).reshape(1, 1, 3)
        picture = fusionrec.api.Image.fromarray(np.tile(nobody, (64, 64, 1)))
        self.shop.score_new_item(picture, "warm", users=self.engine.split.user_ids[:1])

    @property
    def scores_new_items(self) -> bool:
        """Whether the model reads contents."""
        return self.engine.model.model.scores_new_items

    @cached_property
    def similar_by(self) -> list[str]:
        """By which vectors items can be compared."""
        own = ["model"] if self.engine.model.similarity_vectors().shape[1] else []
        return [*own, *self.engine.model.content.modalities]

    @torch.inference_mode()
    def lists(self, asked: Sequence[ListsRequest]) -> list[dict[str, Any] | Exception]:
        """`FusionRec.recommend` for several requests, in one matrix product where no user is asked about twice."""
        answers: list[dict[str, Any] | Exception] = []
        waiting: list[_Asked] = []
        for number, request in enumerate(asked):
            try:
                found, unknown = self._asked(number, request)
            except UserError as error:
                answers.append(error)
                continue
            waiting += found
            answers.append({"lists": [], "unknown_items": unknown, "model": self.name})
        for one, block in self._blocks(waiting):
            answer = answers[one.request]
            assert isinstance(answer, dict)
            answer["lists"].append(self._list(one, block))
        return answers

    def _asked(self, number: int, request: ListsRequest) -> tuple[list[_Asked], int]:
        """Whom a request asks about, and how many items of the histories are not in the catalogue.

        Raises:
            UserError: if the items have no such category, or none has what the method of re-ranking needs.
        """
        excluded, limited = [*request.exclude], {**request.category_limits}
        rules = self.engine.rules(request.k, request.rerank.options(), request.filter_seen, excluded, limited)
        if request.rerank.method != "none":
            rerank.refuse(request.rerank.method, self.engine.features)
        users = [*dict.fromkeys(request.users)]
        asked, unknown = [], 0
        for user, row in zip(users, _rows(self.engine.users, users).tolist(), strict=True):
            newer = _rows(self.engine.items, request.histories.get(user, []))
            unknown += int((newer < 0).sum())
            asked.append(_Asked(number, user, row, newer[newer >= 0], rules))
        return asked, unknown

    def _blocks(self, asked: list[_Asked]) -> list[tuple[_Asked, Block]]:
        """A list for each, in their order within each request."""
        blocks: dict[tuple[int, str], Block] = {}
        left = asked
        while left:
            now, later, rows = list[_Asked](), list[_Asked](), set[int]()
            for one in left:  # a row has one history in a product
                (later if one.row in rows else now).append(one)
                rows |= {one.row} - {-1}
            made = self._together(now)
            blocks |= {(one.request, one.user_id): block for one, block in zip(now, made, strict=True)}
            left = later
        return [(one, blocks[one.request, one.user_id]) for one in asked]

    def _together(self, asked: list[_Asked]) -> list[Block]:
        """A list for each of some users whose rows are distinct."""
        engine, past = self.engine, self.engine.split.past
        rows = np.array([one.row for one in asked], np.int64)
        unknown = rows < 0
        rows[unknown] = len(past) + np.arange(unknown.sum())
        ends = np.full(int(unknown.sum()), past.offsets[-1])
        own = Histories(np.concatenate([past.offsets, ends]), past.items) if unknown.any() else past
        counts = [len(one.newer) for one in asked]
        if any(counts):
            position = np.repeat(np.arange(len(asked)), counts)
            own = requests.with_newer(own, rows, position, np.concatenate([one.newer for one in asked]))
        rules = [one.rules for one in asked]
        features = engine.features if any(each.rerank.method != "none" for each in rules) else None
        most = max(1, 2**26 // max(1, len(self.catalogue.titles)))  # lists whose scores fit 256 MiB
        blocks: list[Block] = []
        for start in range(0, len(asked), most):
            part = slice(start, start + most)
            blocks += lists.of_batch(
                engine.model, engine.popularity, rows[part], own, rules[part], features, self.index
            )
        return blocks

    def _list(self, one: _Asked, block: Block) -> dict[str, Any]:
        items, scores = block.lists.items[0].tolist(), block.lists.scores[0].tolist()
        found = [(item, score) for item, score in zip(items, scores, strict=True) if item >= 0]
        return {
            "user_id": one.user_id,
            "basis": lists.HISTORY if block.from_history[0] else lists.POPULARITY,
            "items": [
                {
                    "rank": rank,
                    "item_id": self.engine.item_ids[item],
                    "title": self.catalogue.titles[item],
                    "score": score,
                }
                for rank, (item, score) in enumerate(found, 1)
            ],
        }

    def similar(self, item_id: str, k: int, by: str) -> dict[str, Any]:
        """`FusionRec.similar_items` for one item.

        Raises:
            UserError: if the model has no such vectors.
            KeyError: if the item is not in the catalogue.
        """
        (row,) = _rows(self.engine.items, [item_id])
        if row < 0:
            raise KeyError(item_id)
        x = vectors.of(self.engine.model, by)
        return {"items": self._nearest(by, x, x[[row]], k, without=int(row)), "model": self.name}

    def _nearest(
        self, by: str, x: torch.Tensor, to: torch.Tensor, k: int, without: int | None = None
    ) -> list[dict[str, Any]]:
        """The items whose vectors `x` are most similar to the vector `to`, [1, width]; not the item `without`."""
        if by not in self._lengths:
            self._lengths[by] = torch.linalg.vector_norm(x, dim=1)
        best = vectors.nearest(x, self._lengths[by], to, k, without)
        pairs = zip(best.items[0].tolist(), best.scores[0].tolist(), strict=True)
        found = [(item, cosine) for item, cosine in pairs if item >= 0]
        return [
            {
                "rank": rank,
                "item_id": self.engine.item_ids[item],
                "title": self.catalogue.titles[item],
                "cosine": cosine,
            }
            for rank, (item, cosine) in enumerate(found, 1)
        ]

    def new_item(self, asked: NewItemRequest, picture: bytes | None) -> dict[str, Any]:
        """`FusionRec.score_new_item` for the users of a request, or for as many as are scored in a moment.

        Raises:
            UserError: if the picture cannot be used, or the catalogue does not have an attribute.
        """
        users = [*asked.users] or self._sample()
        content = self.shop.preparer.content([asked.item(picture)])
        scored = self.shop.score_inputs(content, users, asked.histories).drop(columns="item")
        best = scored.sort_values("rank", kind="stable", na_position="last")[: asked.k]
        columns = (best[name].tolist() for name in ("user_id", "rank", "score", "basis"))
        audience = [
            {"user_id": user, "rank": None if known is None else int(rank), "score": known, "basis": basis}
            for user, rank, score, basis in zip(*columns, strict=True)
            for known in [score if basis == lists.HISTORY else None]
        ]
        model, similar = self.engine.model, list[dict[str, Any]]()
        if "model" in self.similar_by:
            new = model.among(content).similarity_vectors()
            similar = self._nearest("model", vectors.of(model, "model"), new, asked.k)
        return {"users": audience, "ranked_for": len(scored), "similar": similar, "model": self.name}

    def _sample(self) -> list[str]:
        """Users that are evenly spaced in the user table."""
        ids = self.engine.split.user_ids
        return ids[:: -(-len(ids) * max(1, len(self.catalogue.titles)) // limits.SCORES) or 1]

    def items(self, query: str, offset: int, k: int) -> dict[str, Any]:
        """See `Catalogue.find`."""
        return self.catalogue.find(query, offset, k) | {"model": self.name}

    def info(self, encoders: bool, additions: bool = False) -> dict[str, Any]:
        """See `schemas.Info`; of each category, the first values."""
        columns = [str(name) for name in self.engine.split.items if str(name).startswith(CATEGORY)]
        new_items = encoders and self.scores_new_items
        fitted = self.shop.preparer.fitted.attributes if new_items else {"numbers": {}}
        return {
            "model": self.name,
            "items": len(self.catalogue.titles),
            "users": len(self.engine.split.user_ids),
            "similar_by": self.similar_by,
            "categories": {
                name.removeprefix(CATEGORY): sorted({*self.engine.split.items[name].explode().dropna()})[:100]
                for name in columns
            },
            "numbers": [name.removeprefix(NUMBER) for name in fitted["numbers"]],
            "new_items": new_items,
            "additions": new_items and additions,
        }


def _rows(index: pd.Index, ids: Sequence[str]) -> np.ndarray:
    """int64 [n]: where ids stand in an index, -1 for unknown ones. Faster than `get_indexer` where they are few."""
    found = [index.get_loc(one) if one in index else -1 for one in ids]
    return np.array(found, np.int64)
