"""Multi-head attention between vectors of an item."""

from typing import NamedTuple

import torch
from torch import nn

from fusionrec.models.fusion.layers import Linear, draw, drop
from fusionrec.models.fusion.options import FusionOptions


class Tokens(NamedTuple):
    """Several vectors per item: vectors [n, t, dim], present bool [n, t]."""

    vectors: torch.Tensor
    present: torch.Tensor


class Attention(nn.Module):
    """Multi-head attention of some vectors to others (Vaswani et al., "Attention Is All You Need", 2017).

    The result is zero at the start, because the output layer starts at zero, and where there are no keys.
    """

    def __init__(self, options: FusionOptions):
        super().__init__()
        dim = options.dim
        self.heads, self.rate, self.scheme = (
            options.num_attention_heads,
            options.attention_dropout,
            options.init,
        )
        self.query, self.key, self.value, self.out = (Linear(dim, dim, bias=False) for _ in range(4))

    def weights(self, queries: torch.Tensor, keys: Tokens) -> torch.Tensor:
        """[n, q, dim], t keys -> [n, heads, q, t], which sum to 1 over the keys that are present."""
        query, key = self._split(self.query(queries)), self._split(self.key(keys.vectors))
        logits = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
        present = keys.present[:, None, None]
        return logits.masked_fill(~present, torch.finfo(logits.dtype).min).softmax(-1) * present

    def forward(
        self, queries: torch.Tensor, keys: Tokens, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """[n, q, dim], t keys -> [n, q, dim]; dropout of weights where a generator is given."""
        weights = drop(self.weights(queries, keys), self.rate, generator)
        attended = weights @ self._split(self.value(keys.vectors))
        return self.out(attended.transpose(1, 2).flatten(2))

    def _split(self, x: torch.Tensor) -> torch.Tensor:
        """[n, t, dim] -> [n, heads, t, dim / heads]."""
        return x.unflatten(2, (self.heads, -1)).transpose(1, 2)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        for layer in (self.query, self.key, self.value):
            draw(layer.weight, self.scheme, 1, generator)
        nn.init.zeros_(self.out.weight)
