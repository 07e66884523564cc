import itertools

import numpy as np
import pytest

from fusionrec.evaluation import diversity


def test_equals_the_mean_over_pairs() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(20, 5))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    lists = np.stack([rng.permutation(20)[:6] for _ in range(4)])
    expected = [
        np.mean([1 - vectors[a] @ vectors[b] for a, b in itertools.combinations(row, 2)]) for row in lists
    ]
    np.testing.assert_allclose(diversity.intra_list(lists, vectors), expected, atol=1e-6)


def test_items_without_a_vector_are_left_out() -> None:
    vectors = np.array([[1, 0], [0, 1], [0, 0]], np.float32)
    assert diversity.intra_list(np.array([[0, 1, 2], [0, 2, -1]]), vectors) == pytest.approx([1, 0])


def test_identical_items_have_none() -> None:
    assert diversity.intra_list(np.array([[0, 1]]), np.array([[1, 0], [1, 0]], np.float32)) == pytest.approx(
        [0]
    )
