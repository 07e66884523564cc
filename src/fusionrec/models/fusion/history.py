"""The user side: how the items of a history become one vector."""

import torch
import torch.nn.functional as F
from torch import nn

from fusionrec.models.fusion.options import FusionOptions


class History(nn.Module):
    """Pools the vectors of the items that a user chose, so that longer histories give larger vectors.

    - `sum`: weighted by learned recency, over sqrt(n + 1), where n counts the items.
    - `attention`: a learned query of each head weighs the items' vectors, recency added to its logits, and
      each head takes the mean of its share of the dimensions, times n / sqrt(n + 1). (The keys' projection is
      part of the query, since q . Wk = (W'q) . k for a query that is the same for all.) Queries start at
      zero, where this is `sum`.

    Recency is one weight for each of the ranks 1, 2-3, 4-7, 8-15, ... counted from the newest.
    """

    def __init__(self, options: FusionOptions):
        super().__init__()
        self.recency = nn.Parameter(torch.zeros(options.max_history.bit_length()))
        shape = options.num_attention_heads, options.dim
        self.query = nn.Parameter(torch.zeros(shape)) if options.history == "attention" else None

    def forward(self, vectors: torch.Tensor, latest: torch.Tensor, timed: bool = True) -> torch.Tensor:
        """Pool.

        Args:
            vectors: [items, dim].
            latest: int64 [n, length], rows of `vectors`, the newest first, padded anywhere with -1.
            timed: whether the order is the order in time; if not, all ranks have the same weight.

        Returns:
            [n, dim]; zeros for an empty history.
        """
        vectors, present, rows = vectors.float(), latest >= 0, latest.clamp(min=0)
        recency = self.recency[_bucket(latest.shape[1], latest.device)] * timed
        count = present.sum(1, keepdim=True)
        scale = (count + 1).double().sqrt().float()
        if self.query is None:
            return _pool(vectors, rows, (recency.exp() * present)[:, None]) / scale
        logits = vectors @ self.query.T * vectors.shape[1] ** -0.5
        logits = F.embedding(rows, logits).transpose(1, 2).float() + recency  # [n, heads, length]
        absent = ~present[:, None]
        weights = logits.masked_fill(absent, torch.finfo(logits.dtype).min).softmax(2).masked_fill(absent, 0)
        return _pool(vectors, rows, weights) * count / scale

    def reset(self) -> None:
        """Plain sum, without recency."""
        for weight in self.parameters():
            nn.init.zeros_(weight)


def _pool(vectors: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Weighted sums, each head of its share of the dimensions, without a copy of every vector that is summed.

    vectors [items, dim], rows int64 [n, length], weights [n, heads, length] -> [n, dim].
    """
    n, heads, length = weights.shape
    places = rows[:, None] * heads + torch.arange(heads, device=rows.device)[:, None]
    pooled = F.embedding_bag(
        places.reshape(-1, length),
        vectors.reshape(len(vectors) * heads, -1),
        mode="sum",
        per_sample_weights=weights.reshape(-1, length),
    )
    return pooled.reshape(n, -1)


def _bucket(length: int, device: torch.device) -> torch.Tensor:
    """int64 [length]: floor(log2(rank)) for ranks 1, 2, ... by integer arithmetic."""
    return torch.tensor([rank.bit_length() - 1 for rank in range(1, length + 1)], device=device)
