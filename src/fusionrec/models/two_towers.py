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

from fusionrec import params
from fusionrec.data.content import Content
from fusionrec.data.histories import Histories
from fusionrec.models.heads import FINAL, Dot, Pointwise
from fusionrec.models.history import History
from fusionrec.models.items import TABLE_SPREAD, ItemEncoder
from fusionrec.models.layers import Linear, draw, table

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
        options: params.Model,
        content: Content,
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
        content: Content,
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

    def new_towers(self, content: Content) -> Towers:
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


class TrainedModel:
    """A `Recommender`: the model with its catalogue encoded once.

    Attributes:
        content: inputs of all items.
        towers: the items, encoded.
        item_ids: ids of the items, in the order of their rows; empty where nobody said.
        user_ids: ids of the users, likewise.
    """

    def __init__(
        self,
        model: FusionModel,
        content: Content,
        item_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
    ):
        self.model, self.content = model.eval(), content
        self.device = content.trained.device
        self.item_ids, self.user_ids = item_ids or [], user_ids or []
        with torch.no_grad():
            self.towers = model.towers(content)

    @torch.no_grad()
    def among(self, content: Content) -> "TrainedModel":
        """The same model and users, with the n new items of `content` as the candidates to score.

        Histories still hold rows of the catalogue; ids are those of nobody.
        """
        new = copy(self)
        new.content, new.item_ids = content, []
        new.towers = self.model.new_towers(content)._replace(history=self.towers.history)
        return new

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """bool [n]: of whom anything is known that the model can use, so that scores are the user's own."""
        known = np.zeros(len(users), bool)
        if self.model.options.user != "id":
            known |= past.counts[users] > 0
        if self.model.options.user != "history":
            trained = self.model.known_users.cpu().numpy()
            known |= np.append(trained, False)[np.minimum(users, len(trained))]
        return known

    @torch.no_grad()
    def user_vectors(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """float32 [n, dim]: see `FusionModel.user_vectors`."""
        latest = torch.from_numpy(past.latest(users, self.model.options.max_history)).to(self.device)
        return self.model.user_vectors(self.towers, torch.from_numpy(users).to(self.device), latest)

    @torch.no_grad()
    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`.

        Logits: the final activation keeps their order, but where it saturates float32 would make ties of them.
        A pairwise head takes the catalogue in chunks, so that memory is bounded.
        """
        vectors = self.user_vectors(users, past)
        items, bias = self.towers.candidates, self.towers.bias
        values = len(users) * self.model.head.width
        chunk = max(1, PAIR_VALUES // values) if values else max(1, len(items))
        parts = [
            self.model.logits(vectors, Towers(items[s : s + chunk], bias[s : s + chunk], self.towers.history))
            for s in range(0, len(items), chunk)
        ]
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]
