"""A graph of items by one input, as graph filtering makes it; see `fusionrec.models.zoo.mm_gf`."""

import numpy as np
import torch
from torch import nn

from fusionrec.models.content_features import Block

QUARTILES = 0.25, 0.5, 0.75


class FeatureGraph(nn.Module):
    """Edges from the items of the catalogue to any items.

    Attributes:
        median: float64 [width], of train items.
        spread: float64 [width], their interquartile range; 1 where it is 0.
        lowest: float64 [], the lowest value of train items after both.
        column: float64 [width], what columns are multiplied by.
        items: float32 [items, width], normalised features of the catalogue.
        scale: float64 [], what edges are multiplied by.
    """

    median: torch.Tensor
    spread: torch.Tensor
    lowest: torch.Tensor
    column: torch.Tensor
    items: torch.Tensor
    scale: torch.Tensor

    def __init__(self, items: int, width: int):
        super().__init__()
        for name in ("median", "spread", "column"):
            self.register_buffer(name, torch.zeros(width, dtype=torch.float64))
        for name in ("lowest", "scale"):
            self.register_buffer(name, torch.zeros((), dtype=torch.float64))
        self.register_buffer("items", torch.zeros(items, width))

    def fit(self, block: Block, trained: torch.Tensor, alpha: float, power: float, deviation: float) -> None:
        """Compute the statistics.

        Args:
            block: the input of the catalogue.
            trained: bool [items], the train items, of which the statistics are.
            alpha: rows are divided by their sum to the power `alpha`, columns to the power 1 - `alpha`.
            power: of edges.
            deviation: the standard deviation that the edges of the catalogue shall have.
        """
        seen = block.values[block.present & trained].double()
        if not len(seen):
            return
        low, median, high = torch.from_numpy(np.quantile(seen.numpy(), QUARTILES, axis=0))
        self.median.copy_(median)
        self.spread.copy_(torch.where(high > low, high - low, 1))
        scaled = (seen - self.median) / self.spread
        self.lowest.copy_(scaled.min())
        total = (scaled - self.lowest).sum(0)
        self.column.copy_(torch.where(total > 0, total, 1) ** (alpha - 1))
        self.items.copy_(self.normalised(block, alpha))
        self.scale.fill_(1)
        own = float(self(block, alpha, power).double().std(correction=0))
        self.scale.fill_(deviation / own if own > 0 else 0.0)

    def normalised(self, block: Block, alpha: float) -> torch.Tensor:
        """float32 [n, width]: not negative; zeros for items that do not have the input."""
        shifted = ((block.values - self.median) / self.spread - self.lowest).clamp(min=0)
        total = shifted.sum(1, keepdim=True)
        rows = torch.where(total > 0, total, 1) ** -alpha
        return (shifted * rows * self.column * block.present[:, None]).float()

    def forward(self, block: Block, alpha: float, power: float) -> torch.Tensor:
        """float32 [items, n]: the edges between the catalogue and the n items of `block`."""
        edges = self.items @ self.normalised(block, alpha).T
        return (edges.double().pow_(power) * self.scale).float()
