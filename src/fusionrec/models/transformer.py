"""A transformer with gated residual connections, whose dropout is drawn from a given generator."""

import torch
import torch.nn.functional as F
from torch import nn

from fusionrec.models.fusion.layers import Linear, drop

INNER = 4  # width of the feed-forward network, in widths of its input


class Transformer(nn.Module):
    """Layers of self-attention and of a feed-forward network, normalised before each (Vaswani et al., 2017).

    Each part F is added through a gate: x + F(norm(x)) * sigmoid(W x), as in LiGR (Borisyuk et al., 2025). The result
    is normalised.

    Args:
        dim: width of the vectors.
        layers: how many.
        heads: of attention; divides `dim`.
        dropout: of the input, and of what each part adds.
    """

    def __init__(self, dim: int, layers: int, heads: int, dropout: float):
        super().__init__()
        self.rate = dropout
        parts = [(SelfAttention(dim, heads), FeedForward(dim)) for _ in range(layers)]
        self.parts = nn.ModuleList(Gated(dim, part, dropout) for layer in parts for part in layer)
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, x: torch.Tensor, seen: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Transform sequences.

        Args:
            x: [n, length, dim].
            seen: bool [n, length, length], which places (last) each place reads; one that reads none gets zeros from
                attention.
            generator: draws dropout; None: there is none.

        Returns:
            [n, length, dim].
        """
        x = drop(x, self.rate, generator)
        for part in self.parts:
            x = part(x, seen, generator)
        normalised: torch.Tensor = self.norm(x)
        return normalised

    def reset(self, generator: torch.Generator) -> None:
        """Draw the matrices: Xavier, uniform. Norms are neutral, gates half open."""
        for module in self.modules():
            if isinstance(module, Linear):
                nn.init.xavier_uniform_(module.weight, generator=generator)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.LayerNorm):
                module.reset_parameters()
        for module in self.modules():
            if isinstance(module, Gated):
                nn.init.zeros_(module.gate.weight)


class Gated(nn.Module):
    """x + part(norm(x)) * sigmoid(W x + b), with dropout of what is added."""

    def __init__(self, dim: int, part: nn.Module, dropout: float):
        super().__init__()
        self.part, self.rate = part, dropout
        self.norm, self.gate = nn.LayerNorm(dim), Linear(dim, dim)

    def forward(self, x: torch.Tensor, seen: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        """See `Transformer.forward`."""
        added = self.part(self.norm(x), seen) * torch.sigmoid(self.gate(x))
        return x + drop(added, self.rate, generator)


class SelfAttention(nn.Module):
    """Multi-head attention of a sequence to itself."""

    def __init__(self, dim: int, heads: int):
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (Linear(dim, dim) for _ in range(4))

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """[n, length, dim], bool [n, length, length] -> [n, length, dim]."""
        query, key, value = (
            layer(x).unflatten(2, (self.heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )
        logits = query @ key.transpose(2, 3) * query.shape[-1] ** -0.5
        hidden = ~seen[:, None]
        weights = logits.masked_fill(hidden, torch.finfo(logits.dtype).min).softmax(-1)
        attended = weights.masked_fill(hidden, 0) @ value
        result: torch.Tensor = self.out(attended.transpose(1, 2).flatten(2))
        return result


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them, for each place by itself."""

    def __init__(self, dim: int):
        super().__init__()
        self.inner, self.out = Linear(dim, INNER * dim), Linear(INNER * dim, dim)

    def forward(self, x: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """[n, length, dim] -> [n, length, dim]; `seen` does not matter."""
        result: torch.Tensor = self.out(F.gelu(self.inner(x)))
        return result
