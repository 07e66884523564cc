"""EASE against what defines it: each column is a ridge regression on the other items."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.models.closed_form import TrainData
from fusionrec.models.contract import ModelData
from fusionrec.models.ease_weights import solve
from fusionrec.models.zoo.ease import Model, Options

from ...catalogue import contents

USERS, ITEMS = 30, 8


def some(seed: int) -> Histories:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"user": rng.integers(0, USERS, 90), "item": rng.integers(0, ITEMS, 90)})
    return Histories.of(table.drop_duplicates().assign(timestamp=0), USERS)


def dense(histories: Histories) -> np.ndarray:
    chosen = np.zeros((len(histories), ITEMS))
    for user in range(len(histories)):
        chosen[user, histories[user]] = 1
    return chosen


def fitted(train: Histories, items: int, l2: float, most: int = 100) -> Any:
    data = ModelData(contents(items), len(train), 0)
    (model,) = Model.fit(Options(l2=[l2], max_items=most), data, TrainData(pd.DataFrame(), train, 1))
    return model


def test_each_column_is_a_ridge_regression_on_the_others() -> None:
    train, l2 = some(0), 3.0
    chosen = dense(train)
    weights = solve(chosen.T @ chosen, l2)
    for item in range(ITEMS):
        others = np.delete(chosen, item, 1)
        ridge = np.linalg.solve(others.T @ others + l2 * np.eye(ITEMS - 1), others.T @ chosen[:, item])
        np.testing.assert_allclose(np.delete(weights[:, item], item), ridge, rtol=1e-5, atol=1e-7)
        assert weights[item, item] == 0


def test_a_score_is_the_sum_over_the_past_whoever_asks() -> None:
    model, past = fitted(some(0), ITEMS, 3.0), some(1)
    users = np.array([4, 0, 4])
    scores = model.score_all(users, past).numpy()
    np.testing.assert_allclose(scores, dense(past)[users] @ model.weights.numpy(), rtol=1e-5, atol=1e-7)
    stranger = Histories(np.array([0] * (USERS + 1) + [2]), np.array([3, 5]))
    known = Histories(np.array([0, 2]), np.array([3, 5]))
    assert (model.score_all(np.array([USERS]), stranger) == model.score_all(np.array([0]), known)).all()


def test_by_hand() -> None:
    """X'X + I is [[3, 1], [1, 2]], its inverse [[.4, -.2], [-.2, .6]]."""
    train = Histories(np.array([0, 2, 3]), np.array([0, 1, 0]))
    np.testing.assert_allclose(fitted(train, 2, 1.0).weights, [[0, 1 / 3], [1 / 2, 0]], rtol=1e-6)


def test_a_catalogue_that_is_too_large_is_refused_with_the_remedy() -> None:
    with pytest.raises(
        UserError,
        match=r"^ease: .*30,000 x 30,000 items.* 20 GB; .*model\.name.*max_items.* 10,000",
    ):
        fitted(some(0), 30_000, 1.0, most=10_000)
