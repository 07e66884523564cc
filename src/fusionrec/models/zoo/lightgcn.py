"""LightGCN: vectors of user and item ids, smoothed over the graph of train interactions (He et al., SIGIR 2020).

In each of `layers` steps a vector becomes the sum of its neighbours' vectors, each divided by the square root of the
product of both degrees; what is scored is the mean over all layers, the first included. The score is the inner
product.
"""

from typing import Annotated, Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import nn

from fusionrec.choices import Choice
from fusionrec.models.contract import ModelData, Need
from fusionrec.models.id_vectors import IdVectors
from fusionrec.params import Count, Natural, Section, Weight


class Options(Section):
    """`dim` is the width of the vectors, `layers` the propagation steps, `l2` the penalty on the initial vectors."""

    dim: Count
    layers: Natural
    l2: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.lightgcn.losses")]


class Graph(NamedTuple):
    """A symmetric sparse matrix of users and items, users first, row by row.

    Attributes:
        column: int64 [2 * edges], the neighbours of each vertex.
        offset: int64 [users + items + 1], where each vertex's neighbours begin.
        weight: float32 [2 * edges], of each neighbour.
    """

    column: torch.Tensor
    offset: torch.Tensor
    weight: torch.Tensor


class Model(IdVectors):
    """See the module and `IdVectors`.

    Raises:
        ValueError: if `data` has no graph.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "graph"})

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        if data.graph is None:
            raise ValueError("lightgcn needs the graph of train interactions")
        user, item = data.graph.pairs(np.arange(len(data.graph)))
        for name, tensor in normalised(user, item, data.users, data.items)._asdict().items():
            self.register_buffer(name, tensor, persistent=False)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the vectors: Xavier, uniform, as the authors do."""
        nn.init.xavier_uniform_(self.users, generator=generator)
        nn.init.xavier_uniform_(self.items, generator=generator)

    def propagated(self) -> tuple[torch.Tensor, torch.Tensor]:
        """See `IdVectors.propagated`."""
        vectors = torch.cat([self.users, self.items])
        total = vectors
        for _ in range(self.options.layers):
            vectors = _Propagate.apply(vectors, self.column, self.offset, self.weight)
            total = total + vectors
        users, items = (total / (self.options.layers + 1)).split([len(self.users), len(self.items)])
        return users, items


class _Propagate(torch.autograd.Function):
    """Product of a `Graph` and vectors [n, dim]; the gradient is the same product, since the graph is symmetric."""

    @staticmethod
    def forward(ctx: Any, vectors: torch.Tensor, *graph: torch.Tensor) -> torch.Tensor:
        """[n, dim] -> [n, dim]."""
        ctx.save_for_backward(*graph)
        return _product(vectors, *graph)

    @staticmethod
    def backward(ctx: Any, *gradient: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        """[n, dim] -> [n, dim]."""
        return _product(gradient[0], *ctx.saved_tensors), None, None, None


def _product(
    vectors: torch.Tensor, column: torch.Tensor, offset: torch.Tensor, weight: torch.Tensor
) -> torch.Tensor:
    # sums in a fixed order, with the same bits on every CPU; a sparse product of MKL promises neither
    return nn.functional.embedding_bag(
        column, vectors.contiguous(), offset, mode="sum", per_sample_weights=weight, include_last_offset=True
    )


def normalised(user: np.ndarray, item: np.ndarray, users: int, items: int) -> Graph:
    """The graph of interactions: an edge weighs 1 / sqrt(degree of the user * degree of the item).

    A pair counts once, however often it occurs.

    Args:
        user: int64 [n], users of the interactions.
        item: int64 [n], their items.
        users: number of users.
        items: number of items.
    """
    user, item = np.divmod(np.unique(user * items + item), items)
    degrees = np.bincount(user, minlength=users), np.bincount(item, minlength=items)
    weight = 1 / np.sqrt(degrees[0][user].astype(np.float64) * degrees[1][item])
    row, column = np.concatenate([user, item + users]), np.concatenate([item + users, user])
    order = np.lexsort((column, row))
    offsets = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=users + items))])
    both = np.concatenate([weight, weight])[order].astype(np.float32)
    return Graph(torch.from_numpy(column[order]), torch.from_numpy(offsets), torch.from_numpy(both))
