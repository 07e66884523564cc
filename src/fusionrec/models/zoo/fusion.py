"""Multimodal fusion: items fuse id, picture, text, numbers and categories; users are their history, an id, or both.

Two towers. History vectors and candidate vectors come from two item encoders with weights of their own; a head
scores a pair of a user's and an item's vector.

Scores of items without a train interaction are a weighted sum of the tower's and those of a regression in closed form,
which is computed at the end of training (`new_items: both`; see `fusionrec.models.fusion.new_items` and `calibration`).
Vectors are longer then: those of tower and regression are side by side, and the score stays an inner product. Other
items have zeros in the second part.
"""

import math
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models import fusions
from fusionrec.models.content_features import widths
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.fusion import calibration
from fusionrec.models.fusion.heads import FINAL, Dot, Pointwise
from fusionrec.models.fusion.history import History
from fusionrec.models.fusion.item_encoder import TABLE_SPREAD, ItemEncoder
from fusionrec.models.fusion.layers import Linear, draw, table
from fusionrec.models.fusion.new_items import NewItems
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.known_users import KnownUsers
from fusionrec.models.trainable import Judge, Projected
from fusionrec.models.trained_model import TrainedModel

TEMPERATURES = 0.01, 1.0  # bounds
SCORES = 500_000  # of pairs of a user and an item, which the scale of new items is fitted on


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
    completed = ("new_items.", "calibration")
    options: FusionOptions
    calibration: torch.Tensor

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
        self.new_items = _regression(options, data)
        if self.new_items is not None:
            self.register_buffer("calibration", torch.zeros(3, dtype=torch.float64))

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
        towers = Towers(vectors, bias, past)
        if not self._completed:
            return towers
        some = content if candidates is None else content.take(candidates)
        return self._with_new(towers, some, ~some.trained)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `TrainableModel.new_towers`; the items are encoded as those without a train interaction are."""
        vectors = self.candidates.encode_new(content)
        past = self.history.encode_new(content) if self.history is not None else vectors
        towers = Towers(vectors, self.content_bias(vectors).squeeze(1), past)
        return (
            self._with_new(towers, content, torch.ones_like(content.trained)) if self._completed else towers
        )

    @property
    def _completed(self) -> bool:
        """Whether new items have scores of their own: after training."""
        return self.new_items is not None and bool(self.calibration.any())

    def _with_new(self, towers: Towers, content: ItemInputs, new: torch.Tensor) -> Towers:
        """Towers in which the items `new`, bool [n], are scored by the tower and the regression together.

        Args:
            towers: of the n items `content`; their vectors stay as `Towers.own`.
        """
        assert self.new_items is not None
        vectors = towers.candidates.new_zeros(len(new), self.new_items.mean.shape[0])
        constant, tower, regression = self.calibration.float()
        if new.any():
            vectors[new] = regression * self.new_items.vectors(content.take(new.nonzero()[:, 0]))
        scale = torch.where(new, tower, 1.0)
        candidates = torch.cat([towers.candidates * scale[:, None], vectors], 1)
        bias = towers.bias * scale + new * (constant + self.options.exploration)
        return Towers(candidates, bias, towers.history, towers.candidates)

    def similarity_vectors(self, towers: Towers) -> torch.Tensor:
        """See `Model.similarity_vectors`: those of the tower."""
        return towers.candidates if towers.own is None else towers.own

    def user_vectors_of(self, towers: Towers, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Model.user_vectors_of`; the regression reads the whole history."""
        vectors = super().user_vectors_of(towers, users, past)
        if not self._completed:
            return vectors
        assert self.new_items is not None
        return torch.cat([vectors, self.new_items.users(users, past)], 1)

    def start_epoch(self, generator: torch.Generator) -> None:
        """See `TrainableModel.start_epoch`: a model that is trained is not completed."""
        if self.new_items is not None:
            self.calibration.zero_()

    @torch.no_grad()
    def complete(self, content: ItemInputs, train: Histories, judge: Judge) -> bool:
        """See `TrainableModel.complete`: fit the regression for new items, and its scale beside the tower's scores."""
        if self.new_items is None:
            return False
        self.calibration.zero_()
        left, known = self.new_items.fit(content, train), content.trained.nonzero()[:, 0].cpu()
        users = np.flatnonzero((train.counts > 0) & (train.counts < len(known)))
        users = np.sort(np.random.default_rng(0).permutation(users)[: max(1, SCORES // max(1, len(known)))])
        own, as_new = (
            self.scores(towers, users, train).cpu().double()[:, known]
            for towers in (self.eval().towers(content), self.new_towers(content))
        )
        row, item = (torch.from_numpy(x) for x in train.pairs(users))
        place = torch.zeros(len(content.trained), dtype=torch.int64)
        place[known] = torch.arange(len(known))
        own[row, place[item]] = -torch.inf
        scale = calibration.Scale(own, as_new, left.scores(users, train))
        tried = [calibration.TOWER, *(scale.weights(share) for share in calibration.SHARES)]
        values = []
        for weights in tried:
            self.calibration.copy_(weights)
            values.append(judge(TrainedModel(self, content)))
        self.calibration.copy_(tried[int(np.argmax(values))])
        return True

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
            known |= past.count(users) > 0
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


def _regression(options: FusionOptions, data: ModelData) -> NewItems | None:
    """The regression for new items; None if it is off, the head is no inner product, or items have no contents."""
    on = options.new_items == "both" and options.head == "dot"
    return NewItems(options.regression, data) if on and widths(data.content, data.category_values) else None


Model, Options = FusionModel, FusionOptions
