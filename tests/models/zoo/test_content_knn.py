"""Neighbours by contents: by hand, and against a naive loop."""

from typing import Any

import numpy as np
import pytest
import torch

from ...catalogue import contents
from .closed_forms import HISTORIES, dense, described, features, fitted, histories, scores

USERS = np.arange(len(HISTORIES))


def knn(neighbours: int, **weights: float) -> dict[str, Any]:
    return {"weights": weights, "neighbours": [neighbours]}


def nearest(similar: np.ndarray, own: int | None, neighbours: int) -> np.ndarray:
    """`similar` to the train items, zero except for the nearest ones."""
    row = similar.copy()
    known = [item for item in range(6) if item != own]
    kept = sorted(known, key=lambda item: -similar[item])[:neighbours]
    row[[item for item in range(8) if item not in kept]] = 0
    return row


@pytest.mark.parametrize("neighbours", [1, 3, 50])
def test_it_is_what_the_definition_says(neighbours: int) -> None:
    unit = features(described(), {"vision": 0.4})
    unit /= np.linalg.norm(unit, axis=1, keepdims=True)
    similar = unit @ unit.T
    weights = np.array([nearest(similar[item], item, neighbours) for item in range(8)])
    found = scores(fitted("content_knn", knn(neighbours, vision=0.4)))
    np.testing.assert_allclose(found, dense(HISTORIES) @ weights.T, atol=1e-5)


def test_by_hand() -> None:
    """In one dimension the cosine is 1 on the same side of the mean, and -1 on the other; item 2 lies on it."""
    numbers = torch.tensor([[-2.0], [-1], [0], [3], [0], [0], [0], [9]])
    content = contents(8)._replace(numbers=numbers, trained=torch.arange(8) < 4)
    model = fitted("content_knn", knn(3), content)
    found = model.score(np.array([0, 1]), histories([[0, 3], [1]]))
    assert found.numpy()[:, :4].round(5).tolist() == [[-1, 0, 0, -1], [1, 0, 0, -1]]
    assert found[:, 7].tolist() == [0, -1], "a cold item is scored by its contents"


def test_a_new_item_is_scored_as_its_twin_that_has_no_interactions() -> None:
    model = fitted("content_knn", knn(2))
    new = model.among(described().take(torch.tensor([6, 7])))
    assert torch.equal(new.score(USERS, histories(HISTORIES)), torch.from_numpy(scores(model)[:, 6:]))
