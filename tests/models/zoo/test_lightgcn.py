"""LightGCN against dense matrix products."""

import numpy as np
import pytest
import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.graph import normalised
from fusionrec.models.zoo.lightgcn import Model, Options

from ..conftest import ITEMS, USERS

# user 2 has no interaction, item 5 no user, and user 0 chose item 1 twice
GRAPH = Histories(np.array([0, 4, 5, 5, 7]), np.array([1, 2, 1, 3, 1, 4, 0]))


def adjacency() -> torch.Tensor:
    """Dense [users + items, users + items], an edge divided by the square roots of both degrees."""
    edges = torch.zeros(USERS + ITEMS, USERS + ITEMS, dtype=torch.float64)
    for user in range(USERS):
        for item in set(GRAPH[user].tolist()):
            edges[user, USERS + item] = edges[USERS + item, user] = 1
    scale = edges.sum(1).clamp(min=1).rsqrt()
    return scale[:, None] * edges * scale


def build(content: ItemInputs, layers: int) -> Model:
    options = Options(dim=3, layers=layers, l2=0.1, losses={"bpr": 1.0})
    model = Model(options, ModelData(content, USERS, 0, None, GRAPH))
    model.reset(torch.Generator().manual_seed(1))
    return model


def test_the_graph_is_the_normalised_adjacency() -> None:
    graph = normalised(*GRAPH.pairs(np.arange(USERS)), USERS, ITEMS)
    dense = torch.zeros(USERS + ITEMS, USERS + ITEMS, dtype=torch.float64)
    for row in range(USERS + ITEMS):
        edges = slice(graph.offset[row], graph.offset[row + 1])
        dense[row, graph.column[edges]] = graph.weight[edges].double()
    torch.testing.assert_close(dense, adjacency(), rtol=1e-6, atol=0)


@pytest.mark.parametrize("layers", [0, 1, 3])
def test_vectors_are_means_over_layers(content: ItemInputs, layers: int) -> None:
    model = build(content, layers)
    powers = [torch.linalg.matrix_power(adjacency(), power) for power in range(layers + 1)]
    smoothing = torch.stack(powers).mean(0)
    start = torch.cat([model.users, model.items]).detach().double()
    torch.testing.assert_close(
        torch.cat(model.propagated()).double(), smoothing @ start, rtol=1e-5, atol=1e-6
    )


def test_the_gradient_is_that_of_the_dense_product(content: ItemInputs) -> None:
    model = build(content, 2)
    weights = torch.randn(USERS + ITEMS, 3, generator=torch.Generator().manual_seed(2))
    (torch.cat(model.propagated()) * weights).sum().backward()
    smoothing = torch.stack([torch.linalg.matrix_power(adjacency(), power) for power in range(3)]).mean(0)
    expected = smoothing.T @ weights.double()
    assert model.users.grad is not None and model.items.grad is not None
    gradient = torch.cat([model.users.grad, model.items.grad]).double()
    torch.testing.assert_close(gradient, expected, rtol=1e-5, atol=1e-6)


def test_it_needs_the_graph(content: ItemInputs) -> None:
    with pytest.raises(ValueError, match="graph"):
        Model(Options(dim=3, layers=1, l2=0, losses={"bpr": 1.0}), ModelData(content, USERS, 0))
