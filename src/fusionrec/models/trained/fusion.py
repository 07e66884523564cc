"""The fusion model: item vectors, user vectors, and a head that scores a pair of them.

A user's vector is made of the vectors of its history, or is an embedding of the user's id, or the sum of both.
History vectors and candidate vectors come from two item encoders with weights of their own.
"""

import math
from copy import copy
from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.fusion.heads import FINAL, Dot, Pointwise
from fusionrec.models.fusion.history import History
from fusionrec.models.fusion.item_encoder import TABLE_SPREAD, ItemEncoder
from fusionrec.models.fusion.layers import Linear, draw, table
from fusionrec.models.fusion.options import FusionOptions

TEMPERATURES = 0.01, 1.0  # bounds
PAIR_VALUES = 2**19  # that a pairwise head has alive at once in ranking: 2 MB stay in a CPU's cache


class Shape(NamedTuple):
    """Everything besides the parameters that fixes the sizes of the weights."""

    users: int
    category_values: int


class Towers(NamedTuple):
    """Item vectors, ready for scoring: candidates [n, dim], bias [n], history [m, dim]."""

    candidates: torch.Tensor
    bias: torch.Tensor
    history: torch.Tensor


class FusionModel(nn.Module):
    """See the module's docstring. All weights are zero until `reset` draws them or a checkpoint fills them.

    Args:
        options: the parameters.
        content: inputs of all items; only their widths matter here.
        shape: see `Shape`.
        known_users: bool [users], who has a train history: the ids of the others are noise, and left out.
            None: all are known.

    Raises:
        UserError: if no input of the items is on, or the fusion lacks one.
    """

    known_users: torch.Tensor

    def __init__(
        self,
        options: FusionOptions,
        content: ItemInputs,
        shape: Shape,
        known_users: torch.Tensor | None = None,
    ):
        super().__init__()
        self.options = options
        self.candidates = ItemEncoder(options, content, shape.category_values)
        self.item_bias = nn.Parameter(torch.zeros(len(content.trained))) if options.item_id else None
        self.content_bias = Linear(options.dim, 1)
        with_history, with_id = options.user != "id", options.user != "history"
        self.history = ItemEncoder(options, content, shape.category_values) if with_history else None
        self.pool = History(options) if with_history else None
        self.users = table(shape.users, options.dim) if with_id else None
        self.head = Dot() if options.head == "dot" else Pointwise(options)
        self.log_temperature = nn.Parameter(torch.zeros(()))
        known = torch.ones(shape.users, dtype=torch.bool) if known_users is None else known_users
        self.register_buffer("known_users", known)

    def reset(self, generator: torch.Generator, temperature: float = 0.1) -> None:
        """Draw all initial weights: `model.init` for matrices, a small normal for tables, else neutral.

        Args:
            generator: draws everything.
            temperature: that of the contrastive loss.
        """
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
        nn.init.constant_(self.log_temperature, math.log(temperature))

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
        """Encode items.

        Args:
            content: inputs of all items.
            generator: for dropout; none at evaluation.
            candidates: int64 [n], unique: encode these items only as candidates. None: all.
            history: int64 [m], unique, the same for histories.

        Returns:
            Row i is the i-th of the items asked for. An item whose id is unknown, or was dropped, has no bias
            of its own: it lives on its contents.
        """
        vectors, known = self.candidates.encode(content, generator, candidates)
        bias = self.content_bias(vectors).squeeze(1)
        if self.item_bias is not None:
            own = self.item_bias if candidates is None else self.item_bias[candidates]
            bias = bias + own * known
        past = self.history(content, generator, history) if self.history is not None else vectors
        return Towers(vectors, bias, past)

    def new_towers(self, content: ItemInputs) -> Towers:
        """Encode items that are not in the catalogue, as `towers` does those without a train interaction.

        Args:
            content: inputs of the n new items; whether they are `trained` does not matter.
        """
        vectors = self.candidates.encode_new(content)
        past = self.history.encode_new(content) if self.history is not None else vectors
        return Towers(vectors, self.content_bias(vectors).squeeze(1), past)

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """Embed users.

        Args:
            towers: encoded items.
            users: int64 [n], rows of the user table; used where ids are on. Those beyond it are strangers.
            latest: int64 [n, length], rows of `towers.history`, the newest first; -1, anywhere, where there
                is none. Column j has the recency of rank j + 1.
            timed: whether the order of `latest` means something; if not, all ranks weigh the same.

        Returns:
            [n, dim]; zeros for a user of whom nothing is known.
        """
        vectors = []
        if self.users is not None:
            row = users.clamp(max=len(self.known_users) - 1)
            known = self.known_users[row] & (row == users)
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
        """Scores before the final activation.

        Args:
            vectors: [n, dim], of users.
            towers: encoded items.
            columns: int64 [n, m], rows of the towers to score for each user. None: all.
            generator: for dropout; none at evaluation.

        Returns:
            [n, rows of the towers], or [n, m] for `columns`.
        """
        return self.head(vectors, towers.candidates, towers.bias, columns, generator)

    def score(
        self,
        vectors: torch.Tensor,
        towers: Towers,
        columns: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """`logits` after the final activation."""
        return FINAL[self.options.final_activation](self.logits(vectors, towers, columns, generator))
