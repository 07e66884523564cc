"""CEASE and Add-EASE against regressions that are solved one item at a time."""

from typing import Any

import numpy as np
import pytest

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.content_features import ContentFeatures
from fusionrec.models.contract import ModelData
from fusionrec.models.zoo import cease

from ...catalogue import contents
from .closed_forms import CATEGORY_VALUES, HISTORIES, dense, described, features, fitted, histories, scores

ITEMS, L2, FEATURE_L2 = 8, 3.0, 0.5
WEIGHTS = {"vision": 0.5}
CEASE: dict[str, Any] = {"weights": WEIGHTS, "l2": [L2], "feature_weight": [2], "max_items": 100}
ADD_EASE: dict[str, Any] = {
    "weights": WEIGHTS, "l2": [L2], "feature_l2": [FEATURE_L2], "share": [0.3], "max_items": 100
}  # fmt: skip


def ease(data: np.ndarray, l2: float) -> np.ndarray:
    """Each column of `data` regressed on the others."""
    weights = np.zeros((ITEMS, ITEMS))
    for item in range(ITEMS):
        others = np.delete(data, item, 1)
        weights[np.arange(ITEMS) != item, item] = regression(others, data[:, item], l2)
    return weights


def regression(data: np.ndarray, column: np.ndarray, l2: float) -> np.ndarray:
    left = data.T @ data + l2 * np.eye(data.shape[1])
    return np.asarray(np.linalg.solve(left, data.T @ column))


def test_cease_is_ease_on_interactions_and_features() -> None:
    stacked = np.concatenate([dense(HISTORIES), 2 * features(described(), WEIGHTS).T])
    np.testing.assert_allclose(
        scores(fitted("cease", CEASE)), dense(HISTORIES) @ ease(stacked, L2), atol=1e-5
    )


def test_add_ease_is_a_sum_of_two() -> None:
    content = features(described(), WEIGHTS).T
    weights = 0.7 * ease(dense(HISTORIES), L2) + 0.3 * ease(content, FEATURE_L2)
    np.testing.assert_allclose(scores(fitted("add_ease", ADD_EASE)), dense(HISTORIES) @ weights, atol=1e-5)


def new_features(content: ItemInputs) -> np.ndarray:
    """Features of other items, by the means and scales of the train items of the catalogue."""
    found = ContentFeatures("cease", described(), CATEGORY_VALUES, WEIGHTS)
    found.fit(described())
    return np.asarray(found(content).numpy(), float)


@pytest.mark.parametrize(("name", "options"), [("cease", CEASE), ("add_ease", ADD_EASE)])
def test_new_items_are_regressed_by_their_features(name: str, options: dict[str, Any]) -> None:
    content = described(seed=5)
    new, own = new_features(content), features(described(), WEIGHTS).T
    if name == "cease":
        stacked, empty = np.concatenate([dense(HISTORIES), 2 * own]), np.zeros(len(HISTORIES))
        wanted = [regression(stacked, np.concatenate([empty, 2 * row]), L2) for row in new]
    else:
        wanted = [0.3 * regression(own, row, FEATURE_L2) for row in new]
    found = fitted(name, options).among(content).score(np.arange(len(HISTORIES)), histories(HISTORIES))
    np.testing.assert_allclose(found, dense(HISTORIES) @ np.array(wanted).T, atol=1e-5)


@pytest.mark.parametrize(("name", "options"), [("cease", CEASE), ("add_ease", ADD_EASE)])
def test_a_cold_item_of_the_catalogue_is_scored_by_contents(name: str, options: dict[str, Any]) -> None:
    found = scores(fitted(name, options))[:, 6:]
    assert np.unique(found).size > 2, "not zeros"


def test_categories_alone_are_enough_and_no_contents_are_refused() -> None:
    only = contents(ITEMS)._replace(
        category_offsets=described().category_offsets, category_values=described().category_values
    )
    stacked = np.concatenate([dense(HISTORIES), 2 * features(only).T])
    found = scores(fitted("cease", CEASE | {"weights": {}}, only))
    np.testing.assert_allclose(found, dense(HISTORIES) @ ease(stacked, L2), atol=1e-5)
    with pytest.raises(UserError, match=r"^cease: the items have no contents"):
        cease.Model(cease.Options(**CEASE), ModelData(contents(ITEMS), 6, 0))


def test_a_catalogue_that_is_too_large_is_refused() -> None:
    with pytest.raises(UserError, match=r"^add_ease: .*8 x 8 items.*max_items"):
        fitted("add_ease", ADD_EASE | {"max_items": 7})
