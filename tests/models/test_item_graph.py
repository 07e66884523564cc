"""Graphs of items on a few nodes."""

import torch

from fusionrec.models.item_graph import ItemGraph, normalised, positive, uniform

NEIGHBOURS = torch.tensor([[0, 1], [0, 1], [1, 2]])
WEIGHTS = torch.tensor([[0.5, 0.25], [1.0, 0.0], [2.0, 3.0]])
DENSE = torch.tensor([[0.5, 0.25, 0], [1, 0, 0], [0, 2, 3]])
INF = torch.inf


def graph() -> ItemGraph:
    built = ItemGraph(3, 2)
    built.fill(NEIGHBOURS, WEIGHTS)
    return built


def test_it_propagates_along_its_direction_and_back() -> None:
    vectors = torch.tensor([[1.0], [10], [100]], requires_grad=True)
    product = graph()(vectors)
    assert product.equal(DENSE @ vectors)
    (product * torch.tensor([[1.0], [2], [3]])).sum().backward()
    assert vectors.grad is not None and vectors.grad.equal(DENSE.T @ torch.tensor([[1.0], [2], [3]]))


def test_another_graph_that_is_loaded_takes_its_place() -> None:
    vectors, loaded = torch.tensor([[1.0], [10], [100]]), ItemGraph(3, 2)
    assert loaded(vectors).tolist() == [[0.0]] * 3, "it is empty"
    loaded.load_state_dict(graph().state_dict())
    assert loaded(vectors).equal(DENSE @ vectors)
    assert not list(loaded.parameters()), "it is frozen"


def test_weights() -> None:
    similarity = torch.tensor([[1.0, 0.5], [1.0, -0.5], [-INF, -INF]])
    assert uniform(similarity).tolist() == [[1, 1], [1, 1], [0, 0]]
    assert positive(similarity).tolist() == [[1, 0.5], [1, 0], [0, 0]]


def test_weights_are_divided_by_the_roots_of_both_sums() -> None:
    weights = torch.tensor([[1.0, 3.0], [1.0, 0.0], [0.0, 0.0]])  # sums 4, 1 and 0
    expected = [[1 / 4, 3 / 2], [1 / 2, 0], [0, 0]]
    assert normalised(torch.tensor([[0, 1], [0, 2], [0, 1]]), weights).tolist() == expected


def test_equal_weights_become_one_over_their_number() -> None:
    torch.testing.assert_close(normalised(NEIGHBOURS, torch.ones(3, 2)), torch.full((3, 2), 0.5))
