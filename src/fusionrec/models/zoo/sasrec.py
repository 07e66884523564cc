"""SASRec: a transformer reads the history in order and predicts what comes next (Kang and McAuley, ICDM 2018).

The vector of an item is that of its id, a linear map of its contents, or the sum of both, by `items`. Vectors of the
history, plus one for each position, go through `layers` of causal self-attention and a network of two layers; the
output at the newest item is the user vector p. The score is p·y for the item vector y: input and output share vectors.

Later findings are built in. A softmax over the catalogue, or over many sampled negatives, is better than one negative
and binary cross-entropy (Klenitskiy and Vasilev, "Turning Dross Into Gold Loss", RecSys 2023; Petrov and Macdonald,
"gSASRec", RecSys 2023): the option `losses`. Each part of a layer is added through a gate, x + F(norm(x)) *
sigmoid(W x), as in the LiGR layers of eSASRec (Tikhonovich et al., RecSys 2025).

It differs from the authors' code: positions are counted from the newest item backwards, and item vectors are not
scaled by the square root of their width. Their training, a prediction after each item of a history, is `train.moments:
all` with `train.targets: 1` and `train.masked: 0`. Where the order is unknown, as in masked steps, there are neither
positions nor causality, and the user vector is the mean of the outputs.
"""

from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import torch
import torch.nn.functional as F
from pydantic import model_validator
from torch import nn

from fusionrec.choices import Choice
from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.content_layer import ContentLayer
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.fusion.layers import keep_rows
from fusionrec.models.trainable import TrainableModel
from fusionrec.models.transformer import Transformer
from fusionrec.params import Count, Fraction, Section, Weight

SPREAD = 0.1  # standard deviation of the vectors of ids and positions at the start
GAIN = 0.1  # of the maps of contents at the start, which would outweigh the ids


class Options(Section):
    """`items` says what an item is; `dim` is the width of all vectors, `heads` must divide it.

    `id_dropout` is the share of items without their id in a step, which are known by their contents then.
    """

    items: Literal["id", "content", "both"]
    dim: Count
    layers: Count
    heads: Count
    max_history: Count
    dropout: Fraction
    id_dropout: Fraction
    content_dropout: Fraction
    history_dropout: Fraction
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.sasrec.losses")]

    @model_validator(mode="after")
    def _check(self) -> "Options":
        if self.dim % self.heads:
            raise ValueError("heads must divide dim")
        return self


class Model(TrainableModel):
    """See the module and `TrainableModel`.

    Raises:
        UserError: if `items` asks for contents, and there are none.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "contents", "sequence"})
    options: Options

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        o = self.options
        self.scores_new_items = o.items != "id"
        self.history_length, self.history_dropout = o.max_history, o.history_dropout
        self.ids = nn.Parameter(torch.zeros(data.items, o.dim)) if o.items != "content" else None
        contents = data.content, data.category_values, o.dim, "sasrec"
        self.contents = ContentLayer(*contents) if o.items != "id" else None
        self.positions = nn.Parameter(torch.zeros(o.max_history, o.dim))
        self.transformer = Transformer(o.dim, o.layers, o.heads, o.dropout)

    def reset(self, generator: torch.Generator) -> None:
        """Draw all weights: a small normal for ids and positions, Xavier for matrices."""
        for vectors in (self.ids, self.positions):
            if vectors is not None:
                nn.init.normal_(vectors, std=SPREAD, generator=generator)
        if self.contents is not None:
            self.contents.reset(generator, GAIN)
        self.transformer.reset(generator)

    def item_vectors(
        self, content: ItemInputs, rows: torch.Tensor | None = None, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """[n, dim] of the items `rows` of the catalogue, int64 [n]; None: of all. An id counts if it was trained."""
        some = content if rows is None else content.take(rows)
        parts = []
        if self.ids is not None:
            rate = 0.0 if self.contents is None else self.options.id_dropout
            known = keep_rows(some.trained, rate, generator)
            parts.append((self.ids if rows is None else self.ids[rows]) * known[:, None])
        if self.contents is not None:
            parts.append(self.contents(some, self.options.content_dropout, generator))
        return sum(parts[1:], parts[0])

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`; `own` is the generator, for dropout in the transformer."""
        vectors = self.item_vectors(content, candidates, generator)
        shared = candidates is None and history is None
        past = vectors if shared else self.item_vectors(content, history, generator)
        return Towers(vectors, vectors.new_zeros(len(vectors)), past, generator)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `TrainableModel.new_towers`.

        Raises:
            UserError: if items are ids only.
        """
        if self.contents is None:
            raise UserError(
                "sasrec with model.sasrec.items=id knows items by their interactions only and cannot score new ones; "
                "train with model.sasrec.items=both, or model.name=fusion"
            )
        vectors = self.contents(content)
        return Towers(vectors, vectors.new_zeros(len(vectors)), vectors)

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `TrainableModel.user_vectors`."""
        states = self._states(towers, latest, timed)
        present = latest >= 0
        known = present.any(1, keepdim=True)
        if timed:
            newest = present.byte().argmax(1)
            return states[torch.arange(len(latest), device=latest.device), newest] * known
        return (states * present[:, :, None]).sum(1) / present.sum(1, keepdim=True).clamp(min=1)

    def moment_vectors(self, towers: Towers, latest: torch.Tensor) -> torch.Tensor:
        """See `TrainableModel.moment_vectors`."""
        return self._states(towers, latest, timed=True)

    def _states(self, towers: Towers, latest: torch.Tensor, timed: bool) -> torch.Tensor:
        """[n, length, dim]: the output at each item of a history; if not `timed`, it depends on all items."""
        vectors = F.embedding(latest.clamp(min=0), towers.history) * (latest >= 0)[:, :, None]
        if timed:
            vectors = vectors + self.positions[: latest.shape[1]]
        place = torch.arange(latest.shape[1], device=latest.device)
        older = (
            (place[:, None] <= place) if timed else place.new_ones(len(place), len(place), dtype=torch.bool)
        )
        seen = older & (latest >= 0)[:, None]
        generator = towers.own if self.training else None
        states: torch.Tensor = self.transformer(vectors, seen, generator)
        return states

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """See `TrainableModel.knows`: users with a history."""
        known: np.ndarray = past.count(users) > 0
        return known

    def inputs(self) -> list[str]:
        """See `TrainableModel.inputs`."""
        contents = [] if self.contents is None else self.contents.inputs()
        return [*contents, *([] if self.ids is None else ["id"])]

    def id_tensors(self) -> list[torch.Tensor]:
        """See `Model.id_tensors`."""
        return [] if self.ids is None else [self.ids]
