"""The base class of models whose vectors of ids are smoothed over the graph of train interactions."""

from typing import Any, ClassVar

import numpy as np
import torch

from fusionrec.models.contract import ModelData, Need
from fusionrec.models.graph import Propagation, normalised
from fusionrec.models.id_vectors import IdVectors


class GraphVectors(IdVectors):
    """Vectors of users and items, smoothed as in LightGCN (He et al., SIGIR 2020).

    Args:
        options: with `dim`, `layers`, `l2` and `losses`.
        data: with the graph.

    Raises:
        ValueError: if `data` has no graph.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"ids", "graph"})

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        if data.graph is None:
            raise ValueError("the model needs the graph of train interactions")
        user, item = data.graph.pairs(np.arange(len(data.graph)))
        self.graph = Propagation(normalised(user, item, data.users, data.items))

    def propagated(self) -> tuple[torch.Tensor, torch.Tensor]:
        """See `IdVectors.propagated`: means over all layers."""
        return self.smoothed(self.graph)

    def smoothed(self, graph: Propagation) -> tuple[torch.Tensor, torch.Tensor]:
        """Means over `options.layers` steps of propagation and the start: users [users, dim], items [items, dim]."""
        vectors = torch.cat([self.users, self.items])
        total = vectors
        for _ in range(self.options.layers):
            vectors = graph(vectors)
            total = total + vectors
        users, items = (total / (self.options.layers + 1)).split([len(self.users), len(self.items)])
        return users, items
