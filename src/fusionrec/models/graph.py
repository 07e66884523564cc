"""Sparse matrices of graphs and their products with vectors, in an order of sums that is the same on every CPU."""

from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn


class Graph(NamedTuple):
    """A sparse matrix of vertices, row by row.

    Attributes:
        column: int64 [edges], the neighbours of each vertex.
        offset: int64 [vertices + 1], where each vertex's neighbours begin.
        weight: float32 [edges], of each neighbour.
    """

    column: torch.Tensor
    offset: torch.Tensor
    weight: torch.Tensor


class Propagation(nn.Module):
    """Multiplies vectors by a `Graph`: a vertex gets the weighted sum of its neighbours' vectors.

    Its tensors move with a model and are not saved.

    Args:
        graph: [rows, columns].
        backward: its transposition, for the gradient. None: the graph is symmetric.
    """

    def __init__(self, graph: Graph, backward: Graph | None = None):
        super().__init__()
        both = [graph] if backward is None else [graph, backward]
        self.names = [[f"{name}_{way}" for name in Graph._fields] for way, _ in enumerate(both)]
        for names, each in zip(self.names, both, strict=True):
            for name, tensor in zip(names, each, strict=True):
                self.register_buffer(name, tensor, persistent=False)

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """[columns, dim] -> [rows, dim]."""
        there, back = ([getattr(self, name) for name in self.names[way]] for way in (0, -1))
        product: torch.Tensor = _Product.apply(vectors, *there, *back)
        return product


class _Product(torch.autograd.Function):
    """Product of a `Graph` and vectors [columns, dim]; its gradient is the product with the second `Graph`."""

    @staticmethod
    def forward(ctx: Any, vectors: torch.Tensor, *graphs: torch.Tensor) -> torch.Tensor:
        """[columns, dim] -> [rows, dim]."""
        ctx.save_for_backward(*graphs[3:])
        return _product(vectors, *graphs[:3])

    @staticmethod
    def backward(ctx: Any, *gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """[rows, dim] -> [columns, dim]."""
        return _product(gradient[0], *ctx.saved_tensors), *[None] * 6


def _product(
    vectors: torch.Tensor, column: torch.Tensor, offset: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    # sums in a fixed order, with the same bits on every CPU; a sparse product of MKL promises neither
    return nn.functional.embedding_bag(
        column,
        vectors.contiguous(),
        offset,
        mode="sum",
        per_sample_weights=weight.to(vectors.dtype),
        include_last_offset=True,
    )


def normalised(user: np.ndarray, item: np.ndarray, users: int, items: int) -> Graph:
    """The graph of interactions: an edge weighs 1 / sqrt(degree of the user * degree of the item).

    A pair counts once, however often it occurs.

    Args:
        user: int64 [n], users of the interactions.
        item: int64 [n], their items.
        users: number of users.
        items: number of items.

    Returns:
        Symmetric, of users and items, users first.
    """
    user, item = np.divmod(np.unique(user * items + item), items)
    weight = edge_weights(user, item, users, items)
    row, column = np.concatenate([user, item + users]), np.concatenate([item + users, user])
    both = np.concatenate([weight, weight])
    return sparse(row, column, both, users + items)


def edge_weights(user: np.ndarray, item: np.ndarray, users: int, items: int) -> np.ndarray:
    """float64 [n]: 1 / sqrt(degree of the user * degree of the item) of distinct pairs, int64 [n] each."""
    degrees = np.bincount(user, minlength=users), np.bincount(item, minlength=items)
    weights: np.ndarray = 1 / np.sqrt(degrees[0][user].astype(np.float64) * degrees[1][item])
    return weights


def sparse(row: np.ndarray, column: np.ndarray, weight: np.ndarray, rows: int) -> Graph:
    """The matrix with the entries `weight`, float [n], in `row` and `column`, int64 [n], all distinct."""
    order = np.lexsort((column, row))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=rows))])
    entries = weight[order].astype(np.float32)
    return Graph(torch.from_numpy(column[order]), torch.from_numpy(offsets), torch.from_numpy(entries))


def transposed(graph: Graph, columns: int) -> Graph:
    """The transposition of a matrix with so many columns; several entries of one place stay apart."""
    order = torch.argsort(graph.column, stable=True)
    row = torch.repeat_interleave(
        torch.arange(len(graph.offset) - 1, device=order.device), graph.offset.diff()
    )
    counts = torch.bincount(graph.column, minlength=columns)
    offset = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    return Graph(row[order], offset, graph.weight[order])
