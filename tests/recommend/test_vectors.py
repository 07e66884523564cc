"""Similar items by hand; `tests/test_api.py` has files for a vector index."""

import numpy as np
import torch

from fusionrec.recommend import vectors

X = torch.tensor([[1.0, 0.0], [5.0, 5.0], [0.0, 0.0], [0.0, 2.0], [-3.0, 0.0]])


def test_the_most_similar_items_come_first_and_not_the_item_itself() -> None:
    best = vectors.similar(X[[0, 1, 3, 4]], np.array([0, 2]), 3)
    assert best.items.tolist() == [[1, 2, 3], [1, 0, 3]]
    np.testing.assert_allclose(best.scores, [[np.sqrt(0.5), 0, -1], [np.sqrt(0.5), 0, 0]], atol=1e-6)


def test_an_item_without_vector_is_similar_to_none() -> None:
    assert vectors.similar(X, np.array([2]), 2).items.tolist() == [[-1, -1]]
    assert 2 not in vectors.similar(X, np.array([0, 1, 3, 4]), 4).items
    assert vectors.similar(X, np.array([0]), 3).items.tolist() == [[1, 3, 4]], "it takes nobody's place"


def test_a_catalogue_smaller_than_the_list() -> None:
    assert vectors.similar(X[:2], np.array([1]), 3).items.tolist() == [[0, -1, -1]]


def test_rows_have_length_1_or_0() -> None:
    np.testing.assert_allclose(vectors.unit(X).norm(dim=1), [1, 1, 0, 1, 1], atol=1e-6)
