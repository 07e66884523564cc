"""The graph filter: by hand, and against its definition item by item."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.preprocessing import RobustScaler

from fusionrec.models.zoo.mm_gf import interaction_graph

from ...catalogue import contents
from .closed_forms import HISTORIES, dense, described, fitted, histories, scores

USERS = np.arange(len(HISTORIES))
ALPHA, POWER = 0.6, 0.8


def options(content_weight: float, **weights: float) -> dict[str, Any]:
    return {
        "weights": weights, "alpha": [ALPHA], "power": [POWER], "content_weight": [content_weight], "max_items": 100
    }  # fmt: skip


def normalised(values: np.ndarray) -> np.ndarray:
    rows, columns = values.sum(1, keepdims=True), values.sum(0)
    rows[rows == 0], columns[columns == 0] = 1, 1
    return np.asarray(values * rows**-ALPHA * columns ** (ALPHA - 1))


def of_interactions() -> np.ndarray:
    matrix = normalised(dense(HISTORIES))
    return np.asarray((matrix.T @ matrix) ** POWER)


def of_input(values: np.ndarray) -> np.ndarray:
    """The graph of an input that all items have; all are train items."""
    scaled = RobustScaler().fit_transform(values.astype(float))
    matrix = normalised(scaled - scaled.min())
    graph = (matrix @ matrix.T) ** POWER
    return np.asarray(graph * of_interactions().std() / graph.std())


def test_interactions_by_hand() -> None:
    """Two users, {0, 1} and {0}: R is divided by sqrt(2) or 1 by rows, and by sqrt(2) or 1 by columns."""
    graph = interaction_graph(histories([[0, 1], [0]]), 3, 0.5, 1)
    half = 1 / (2 * np.sqrt(2))
    expected = [[1 / 4 + 1 / 2, half, 0], [half, 1 / 2, 0], [0, 0, 0]]
    np.testing.assert_allclose(graph, expected, rtol=1e-6)
    powered = interaction_graph(histories([[0, 1], [0]]), 3, 0.5, 2)
    np.testing.assert_allclose(powered, np.square(expected), rtol=1e-6)


@pytest.mark.parametrize(("language", "numbers"), [(1.0, 0.0), (0.3, 2.0)])
def test_it_is_what_the_definition_says(language: float, numbers: float) -> None:
    content = described(cold=0)
    given = options(0.5, vision=0, language=language, numbers=numbers, categories=0)
    graph = of_interactions() + 0.5 * (
        language * of_input(content.modalities["language"].vectors.numpy())
        + numbers * of_input(content.numbers.numpy())
    )
    np.testing.assert_allclose(
        scores(fitted("mm_gf", given, content)), dense(HISTORIES) @ graph, rtol=1e-4, atol=1e-6
    )


def test_an_item_without_a_picture_has_no_edge_by_pictures() -> None:
    with_pictures = scores(fitted("mm_gf", options(1, vision=1, language=0, numbers=0, categories=0)))
    without = dense(HISTORIES) @ of_interactions()
    np.testing.assert_allclose(with_pictures[:, 1], without[:, 1], rtol=1e-5)
    assert (with_pictures[:, 6:] > without[:, 6:]).any(), "cold items have edges from contents only"


def test_a_new_item_has_edges_from_contents_only() -> None:
    model = fitted("mm_gf", options(1))
    past = histories(HISTORIES)
    found = model.among(described().take(torch.tensor([6, 1]))).score(USERS, past).numpy()
    np.testing.assert_allclose(found[:, 0], scores(model)[:, 6], rtol=1e-6)
    collaborative = (dense(HISTORIES) @ of_interactions())[:, 1]
    np.testing.assert_allclose(found[:, 1] + collaborative, scores(model)[:, 1], rtol=1e-4)


def test_categories_alone_are_enough() -> None:
    described_items = described()
    only = contents(8)._replace(
        category_offsets=described_items.category_offsets,
        category_values=described_items.category_values,
        trained=described_items.trained,
    )
    assert (scores(fitted("mm_gf", options(1), only))[:, 6:] > 0).any()
