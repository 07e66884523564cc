"""Heads: the score of a user and an item from their vectors, before the final activation."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from fusionrec.models.fusion.layers import Hidden, Linear, Nonlinear, draw
from fusionrec.models.fusion.options import FusionOptions

FINAL: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "none": lambda x: x,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


class Dot(nn.Module):
    """user . item + bias: ranking is one matrix product."""

    width = 0  # values that a pair takes besides its score

    def forward(
        self,
        users: torch.Tensor,
        items: torch.Tensor,
        bias: torch.Tensor,
        columns: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """Logits.

        Args:
            users: [n, dim].
            items: [items, dim].
            bias: [items].
            columns: int64 [n, m], the items to score for each user. None: all.
            generator: for dropout; none at evaluation.

        Returns:
            [n, items], or [n, m] for `columns`.
        """
        if columns is None:
            return torch.addmm(bias, users, items.T)
        return (F.embedding(columns, items) @ users[:, :, None]).squeeze(2) + bias[columns]

    def reset(self, generator: torch.Generator) -> None:
        """There are no weights."""


class Pointwise(nn.Module):
    """A network of hidden layers on [user, item], plus the item's bias.

    He et al., "Neural Collaborative Filtering", WWW 2017. The first layer W [user, item] + b falls into
    W_u user + W_i item + b, which is computed once a user and once an item; a pair costs the rest only.
    """

    def __init__(self, options: FusionOptions):
        super().__init__()
        first, *others = options.fusion_hidden_dims
        self.scheme, self.width = options.init, max(options.fusion_hidden_dims)
        self.user = Linear(options.dim, first, bias=False)
        self.item = Linear(options.dim, first)
        self.nonlinear = Nonlinear(first, options)
        widths = zip(options.fusion_hidden_dims, others, strict=False)
        self.hidden = nn.ModuleList(Hidden(before, after, options) for before, after in widths)
        self.out = Linear(options.fusion_hidden_dims[-1], 1, bias=False)

    def forward(
        self,
        users: torch.Tensor,
        items: torch.Tensor,
        bias: torch.Tensor,
        columns: torch.Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> torch.Tensor:
        """See `Dot.forward`; takes n * items * `width` values of memory."""
        first = self.item(items)
        x = self.user(users)[:, None] + (first if columns is None else F.embedding(columns, first))
        x = self.nonlinear(x, generator)
        for layer in self.hidden:
            x = layer(x, generator)
        return self.out(x).squeeze(2) + (bias if columns is None else bias[columns])

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights; the two halves of the first layer as the one matrix that they are."""
        joined = torch.empty(self.user.out_features, 2 * self.user.in_features)
        draw(joined, self.scheme, 1, generator)
        with torch.no_grad():
            self.user.weight.copy_(joined[:, : self.user.in_features])
            self.item.weight.copy_(joined[:, self.user.in_features :])
        nn.init.zeros_(self.item.bias)
        self.nonlinear.reset()
        for hidden in self.hidden:
            assert isinstance(hidden, Hidden)
            hidden.reset(generator)
        draw(self.out.weight, self.scheme, 1, generator)
