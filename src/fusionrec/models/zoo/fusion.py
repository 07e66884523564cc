"""Multimodal fusion: items fuse id, picture, text, numbers and categories; users are their history, an id, or both.

Two towers. History vectors and candidate vectors come from two item encoders with weights of their own; a head
scores a pair of a user's and an item's vector.
"""

import math
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models import fusions
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.fusion.heads import FINAL, Dot, Pointwise
from fusionrec.models.fusion.history import History
from fusionrec.models.fusion.item_encoder import TABLE_SPREAD, ItemEncoder
from fusionrec.models.fusion.layers import Linear, draw, table
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.known_users import KnownUsers
from fusionrec.models.trainable import Projected

TEMPERATURES = 0.01, 1.0  # bounds


class FusionModel(KnownUsers):
    """See the module and `TrainableModel`.

    Args:
        options: the parameters.
        data: inputs of the items, of which only the widths matter here; users. The ids of users without a train
            interaction are noise, and left out.

    Raises:
        UserError: if no input of the items is on, or the fusion method lacks one.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "contents", "sequence"})
    scores_new_items = True
    options: FusionOptions

    def __init__(self, options: FusionOptions, data: ModelData):
        super().__init__(options, data)
        self.candidates = ItemEncoder(options, data.content, data.category_values)
        self.item_bias = nn.Parameter(torch.zeros(data.items)) if options.item_id else None
        self.content_bias = Linear(options.dim, 1)
        with_history, with_id = options.user != "id", options.user != "history"
        self.history = ItemEncoder(options, data.content, data.category_values) if with_history else None
        self.pool = History(options) if with_history else None
        self.users = table(data.users, options.dim) if with_id else None
        self.head = Dot() if options.head == "dot" else Pointwise(options)
        self.log_temperature = nn.Parameter(torch.zeros(()))
        self.ranks_by_inner_product, self.pair_width = options.head == "dot", self.head.width
        self.history_length = options.max_history if with_history else 0
        self.history_dropout = options.history_dropout

    @classmethod
    def reads_tokens(cls, options: FusionOptions) -> bool:
        """See `TrainableModel.reads_tokens`."""
        return fusions.load(options.method).reads_tokens

    def reset(self, generator: torch.Generator) -> None:
        """Draw all initial weights: `init` for matrices, a small normal for tables, neutral for the others."""
        o = self.options
        self.candidates.reset(generator)
        if self.item_bias is not None:
            nn.init.zeros_(self.item_bias)
        draw(self.content_bias.weight, o.init, o.projection_gain, generator)
        nn.init.zeros_(self.content_bias.bias)
        if self.history is not None and self.pool is not None:
            self.history.reset(generator)
            self.pool.reset()
        if self.users is not None:
            nn.init.normal_(self.users.weight, std=TABLE_SPREAD, generator=generator)
        self.head.reset(generator)
        nn.init.constant_(self.log_temperature, math.log(o.temperature))

    @property
    def temperature(self) -> torch.Tensor:
        """[]: that of the contrastive loss, learned.

        The weight itself is put back within its bounds, as CLIP does: a clamp on the way would end its
        gradient, and it would stay outside for good.
        """
        with torch.no_grad():
            self.log_temperature.clamp_(*map(math.log, TEMPERATURES))
        return self.log_temperature.exp()

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `TrainableModel.towers`.

        An item whose id is unknown, or was dropped, has no bias of its own: it depends on its contents alone.
        """
        vectors, known = self.candidates.encode(content, generator, candidates)
        bias = self.content_bias(vectors).squeeze(1)
        if self.item_bias is not None:
            own = self.item_bias if candidates is None else self.item_bias[candidates]
            bias = bias + own * known
        past = self.history(content, generator, history) if self.history is not None else vectors
        return Towers(vectors, bias, past)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `TrainableModel.new_towers`; the items are encoded as those without a train interaction are."""
        vectors = self.candidates.encode_new(content)
        past = self.history.encode_new(content) if self.history is not None else vectors
        return Towers(vectors, self.content_bias(vectors).squeeze(1), past)

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `TrainableModel.user_vectors`; column j of `latest` has the recency of rank j + 1."""
        vectors = []
        if self.users is not None:
            row, known = self.places(users)
            vectors.append(self.users(row) * known[:, None])
        if self.pool is not None:
            vectors.append(self.pool(towers.history, latest, timed))
        return sum(vectors[1:], vectors[0])

    def logits(
        self,
        vectors: torch.Tensor,
        towers: Towers,
        columns: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """See `TrainableModel.logits`."""
        return self.head(vectors, towers.candidates, towers.bias, columns, generator)

    def probability(self, logits: torch.Tensor) -> tuple[torch.Tensor, str]:
        """See `TrainableModel.probability`."""
        activation = self.options.final_activation
        return FINAL[activation](logits), activation

    def modalities(
        self,
        content: ItemInputs,
        rows: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> tuple[dict[str, Projected], torch.Tensor]:
        """See `TrainableModel.modalities`."""
        return self.candidates.projected(content, rows, generator), self.temperature

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """See `TrainableModel.knows`."""
        known = np.zeros(len(users), bool)
        if self.options.user != "id":
            known |= past.counts[users] > 0
        if self.options.user != "history":
            known |= super().knows(users, past)
        return known

    def inputs(self) -> list[str]:
        """See `TrainableModel.inputs`."""
        return self.candidates.inputs

    def id_tensors(self) -> list[torch.Tensor]:
        """See `Model.id_tensors`."""
        encoders = [encoder for encoder in (self.candidates, self.history) if encoder is not None]
        tables = [encoder.ids.weight for encoder in encoders if encoder.ids is not None]
        return [*tables, *([] if self.item_bias is None else [self.item_bias])]

    def tracked(self, content: ItemInputs) -> dict[str, float]:
        """The share of each input in the fusion, and the temperature of the contrastive loss."""
        seen = {f"weight/{name}": share for name, share in self.candidates.shares(content).items()}
        if self.options.losses.get("contrastive"):
            seen["train/temperature"] = self.temperature.item()
        return seen


Model, Options = FusionModel, FusionOptions
