"""The fusion model with the dot head: two towers, so that ranking is one matrix product.

A user's vector is the sum of the vectors of its history, weighted by learned recency and divided by
sqrt(n + 1); or an embedding of the user's id; or both. History vectors and candidate vectors come from
two item encoders with weights of their own.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

from fusionrec import params
from fusionrec.data.content import Content
from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models.items import ItemEncoder
from fusionrec.models.layers import drop_rows

PROJECTION_GAIN = 0.1


class Shape(NamedTuple):
    """Everything besides the parameters that fixes the sizes of the weights."""

    users: int
    category_values: int


class Towers(NamedTuple):
    """Item vectors, ready for scoring: candidates [items, dim], bias [items], history [items, dim]."""

    candidates: torch.Tensor
    bias: torch.Tensor
    history: torch.Tensor


class FusionModel(nn.Module):
    """See the module's docstring."""

    def __init__(self, options: params.Model, content: Content, shape: Shape):
        super().__init__()
        items = len(content.trained)
        if not (options.item_id or options.categories or options.numbers) and not (
            content.vision.shape[1] or content.language.shape[1]
        ):
            raise UserError("model: every input of the items is switched off; switch one on, e.g. item_id")
        self.options = options
        self.candidates = ItemEncoder(options, content, shape.category_values)
        self.item_bias = nn.Parameter(torch.zeros(items))
        self.content_bias = nn.Linear(options.dim, 1)
        self.history = ItemEncoder(options, content, shape.category_values) if options.user != "id" else None
        self.users = nn.Embedding(shape.users, options.dim) if options.user != "history" else None
        # one weight for ranks 1, 2-3, 4-7, 8-15, ... counted from the newest
        self.recency = nn.Parameter(torch.zeros(options.max_history.bit_length()))

    def reset(self, generator: torch.Generator) -> None:
        """Draw all initial weights: Xavier for projections, a small normal for tables.

        Projections start small, at the scale of the tables: content comes in as far as it helps.
        """
        for name, weight in sorted(self.named_parameters()):
            if weight.ndim == 2 and name.rsplit(".", 2)[-2] in {"ids", "users", "categories"}:
                nn.init.normal_(weight, std=0.1, generator=generator)
            elif weight.ndim == 2:
                nn.init.xavier_uniform_(weight, gain=PROJECTION_GAIN, generator=generator)
            else:
                nn.init.zeros_(weight)
        for encoder in (self.candidates, self.history):
            if encoder is not None and encoder.gate is not None:
                nn.init.zeros_(encoder.gate.weight)

    def towers(self, content: Content, generator: torch.Generator | None = None) -> Towers:
        """Encode the catalogue; dropout where a generator is given."""
        candidates = self.candidates(content, generator)
        bias = self.item_bias * content.trained + self.content_bias(candidates).squeeze(1)
        history = self.history(content, generator) if self.history is not None else candidates
        return Towers(candidates, bias, history)

    def user_vectors(
        self,
        towers: Towers,
        users: torch.Tensor,
        latest: torch.Tensor,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Embed users.

        Args:
            towers: encoded items.
            users: int64 [n], rows of the user table; used where ids are on.
            latest: int64 [n, length], the newest items first, padded with -1.
            generator: for history dropout; none at evaluation.

        Returns:
            [n, dim]; zeros for a user without history where ids are off.
        """
        vectors = self.users(users) if self.users is not None else torch.zeros(())
        if self.history is None:
            return vectors
        present = latest >= 0
        if generator is not None:
            flat = drop_rows(present.reshape(-1, 1).float(), self.options.history_dropout, generator)
            present = flat.reshape(present.shape) > 0
        weights = self.recency.exp()[_bucket(latest.shape[1], latest.device)] * present
        total = (weights[:, None] @ towers.history[latest.clamp(min=0)]).squeeze(1)
        scale = (present.sum(1, keepdim=True) + 1).double().sqrt().float()
        return vectors + total / scale


def _bucket(length: int, device: torch.device) -> torch.Tensor:
    """int64 [length]: floor(log2(rank)) for ranks 1, 2, ... by integer arithmetic."""
    return torch.tensor([rank.bit_length() - 1 for rank in range(1, length + 1)], device=device)


class TrainedModel:
    """A `Recommender`: the model with its catalogue encoded once."""

    def __init__(self, model: FusionModel, content: Content):
        self.model = model.eval()
        self.device = content.trained.device
        with torch.no_grad():
            self.towers = model.towers(content)

    @torch.no_grad()
    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        latest = torch.from_numpy(past.latest(users, self.model.options.max_history)).to(self.device)
        vectors = self.model.user_vectors(self.towers, torch.from_numpy(users).to(self.device), latest)
        return torch.addmm(self.towers.bias, vectors, self.towers.candidates.T)
