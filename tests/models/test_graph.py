"""Sparse products against dense ones."""

import numpy as np
import pytest
import torch

from fusionrec.models.graph import Propagation, edge_weights, normalised, sparse, transposed

ROW, COLUMN = np.array([2, 0, 0, 3]), np.array([1, 2, 0, 1])
WEIGHT = np.array([4.0, -3.0, 2.0, 5.0])
DENSE = torch.tensor([[2.0, 0, -3], [0, 0, 0], [0, 4, 0], [0, 5, 0]])  # row 1 is empty


def test_a_product_and_its_gradient_are_those_of_the_dense_matrix() -> None:
    graph = sparse(ROW, COLUMN, WEIGHT, 4)
    multiply = Propagation(graph, transposed(graph, 3))
    vectors = torch.arange(6.0).view(3, 2).requires_grad_()
    assert multiply(vectors).equal(DENSE @ vectors)
    (multiply(vectors) * torch.arange(8.0).view(4, 2)).sum().backward()
    assert vectors.grad is not None and vectors.grad.equal(DENSE.T @ torch.arange(8.0).view(4, 2))


def test_rows_are_in_order() -> None:
    graph = sparse(ROW, COLUMN, WEIGHT, 4)
    assert [x.tolist() for x in graph] == [[0, 2, 1, 1], [0, 2, 2, 3, 4], [2.0, -3.0, 4.0, 5.0]]
    assert [x.tolist() for x in transposed(graph, 3)] == [[0, 2, 3, 0], [0, 1, 3, 4], [2.0, 4.0, 5.0, -3.0]]


def test_an_entry_of_several_parts_is_their_sum() -> None:
    graph = sparse(np.array([0, 1]), np.array([1, 1]), np.array([1.0, 1.0]), 2)
    twice = graph._replace(
        column=torch.tensor([1, 1, 1]), offset=torch.tensor([0, 2, 3]), weight=torch.ones(3)
    )
    vectors = torch.tensor([[1.0], [10.0]], requires_grad=True)
    product = Propagation(twice, transposed(twice, 2))(vectors)
    assert product.tolist() == [[20.0], [10.0]]
    product.sum().backward()
    assert vectors.grad is not None and vectors.grad.tolist() == [[0.0], [3.0]]


def test_an_edge_weighs_by_both_degrees() -> None:
    user, item = np.array([0, 0, 1]), np.array([0, 1, 1])  # degrees 2, 1 and 1, 2
    assert edge_weights(user, item, 3, 2) == pytest.approx([1 / 2**0.5, 1 / 2, 1 / 2**0.5])
    graph = normalised(np.array([0, 0, 1, 0]), np.array([0, 1, 1, 1]), 3, 2)
    assert graph.column.tolist() == [3, 4, 4, 0, 0, 1], "a pair counts once; user 2 has no neighbour"
    assert graph.offset.tolist() == [0, 2, 3, 3, 4, 6]


def test_it_is_not_saved_and_moves_with_the_model() -> None:
    multiply = Propagation(sparse(ROW, COLUMN, WEIGHT, 4))
    assert not multiply.state_dict() and not list(multiply.parameters())
    assert {buffer.device.type for buffer in multiply.to("meta").buffers()} == {"meta"}
