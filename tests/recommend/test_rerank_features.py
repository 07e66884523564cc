"""Features of items for re-ranking, by hand."""

import numpy as np
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.recommend import rerank_features

from ..catalogue import contents

PRESENT = torch.ones(3, dtype=torch.bool)
NONE = torch.zeros(3, 0, 0)


def content(vision: torch.Tensor, offsets: list[int], values: list[int]) -> ItemInputs:
    language = torch.tensor([[0.0, 5.0], [3.0, 4.0], [0.0, 0.0]])
    return contents(
        3,
        vision=vision,
        language=language,
        category_offsets=torch.tensor(offsets),
        category_values=torch.tensor(values, dtype=torch.int64),
    )


def test_vectors_self_information_and_categories() -> None:
    vision = torch.tensor([[2.0], [-1.0], [0.0]])
    features = rerank_features.of(content(vision, [0, 2, 2, 3], [1, 3, 0]), np.array([4, 1, 0]), users=4)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(
        features.vectors, [[half, 0, half], [-half, 0.6 * half, 0.8 * half], [0, 0, 0]], atol=1e-6
    )
    assert features.vectors.dtype == np.float32
    assert features.novelty.tolist() == [0, 2, 2], "an item without train users counts as having one"
    assert features.categories.toarray().tolist() == [
        [False, True, False, True], [False] * 4, [True, False, False, False],
    ]  # fmt: skip


def test_without_pictures_and_categories() -> None:
    features = rerank_features.of(content(torch.zeros(3, 0), [0, 0, 0, 0], []), np.array([1, 1, 1]), users=2)
    np.testing.assert_allclose(np.linalg.norm(features.vectors, axis=1), [1, 1, 0], atol=1e-6)
    assert features.categories.shape == (3, 0)
