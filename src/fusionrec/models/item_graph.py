"""Directed graphs of items, which are kept with a model."""

from typing import Any, Self

import torch
from torch import nn

from fusionrec.models.graph import Graph, Propagation, transposed


class ItemGraph(nn.Module):
    """Each item has the same number of neighbours; empty until `fill` or a checkpoint fills it.

    Args:
        items: number of items.
        degree: neighbours of an item.
    """

    neighbours: torch.Tensor
    weights: torch.Tensor

    def __init__(self, items: int, degree: int):
        super().__init__()
        self.register_buffer("neighbours", torch.zeros(items, degree, dtype=torch.int64))
        self.register_buffer("weights", torch.zeros(items, degree))
        self._matrix: list[
            Propagation
        ] = []  # built when it is first used; in a list it is not part of the model

    def fill(self, neighbours: torch.Tensor, weights: torch.Tensor) -> None:
        """Set the neighbours, int64 [items, degree], and their weights, float32 [items, degree]."""
        self.neighbours.copy_(neighbours)
        self.weights.copy_(weights)
        self._matrix.clear()

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """Weighted sums of the neighbours' vectors: [items, dim] -> [items, dim]."""
        if not self._matrix:
            items, degree = self.neighbours.shape
            offset = torch.arange(0, items * degree + 1, degree, device=self.weights.device)
            graph = Graph(self.neighbours.flatten(), offset, self.weights.flatten())
            self._matrix = [Propagation(graph, transposed(graph, items))]
        propagated: torch.Tensor = self._matrix[0](vectors)
        return propagated

    def _load_from_state_dict(self, *arguments: Any) -> None:
        super()._load_from_state_dict(*arguments)
        self._matrix.clear()

    def _apply(self, function: Any, recurse: bool = True) -> Self:  # `to` and its like
        self._matrix.clear()
        return super()._apply(function, recurse)


def uniform(similarity: torch.Tensor) -> torch.Tensor:
    """Equal weights for all neighbours: 1, and 0 where there is none (`Neighbours.similarity`)."""
    return (similarity > -torch.inf).float()


def positive(similarity: torch.Tensor) -> torch.Tensor:
    """Cosines as weights: 0 if they are negative or there is no neighbour (`Neighbours.similarity`)."""
    return similarity.clamp(min=0)


def normalised(rows: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """w_ij / sqrt(d_i d_j), where d_i is the sum of w_ij over the neighbours j of i; 0 where d_i or d_j is 0.

    Args:
        rows: int64 [items, k], the neighbours.
        weights: float32 [items, k], at least 0.
    """
    wide = weights.double()
    degree = wide.sum(1)
    scale = (degree > 0) / torch.where(degree > 0, degree, 1).sqrt()
    return (scale[:, None] * wide * scale[rows]).float()
