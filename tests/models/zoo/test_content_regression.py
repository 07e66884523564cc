"""Ridge and kernel ridge against scikit-learn, for both targets."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge

from fusionrec.errors import UserError
from fusionrec.models import implicit_als
from fusionrec.models.closed_form import ClosedForm
from fusionrec.models.ease_weights import item_gram, solve
from fusionrec.models.implicit_als import Factorisation
from fusionrec.models.interaction_matrix import matrix

from ...catalogue import contents
from .closed_forms import HISTORIES, dense, described, features, fitted, histories, scores

TRAIN, WEIGHTS, L2 = histories(HISTORIES), {"vision": 0.3}, 0.4
ALS = Factorisation(factors=3, l2=0.5, alpha=4, iterations=6)
KNOWN = slice(0, 6)  # the train items


def options(name: str, target: str) -> dict[str, Any]:
    given = {"weights": WEIGHTS, "target": target, "l2": [L2], "ease_l2": 2, "als": ALS, "max_items": 100}
    return given | ({"bandwidth": 1.5} if name == "kernel_ridge" else {})


def predicted(name: str, target: np.ndarray) -> np.ndarray:
    """The targets of all items [items, dim], predicted by scikit-learn from those of the train items."""
    x = features(described(), WEIGHTS)
    if name == "ridge":
        found = Ridge(alpha=L2, fit_intercept=False).fit(x[KNOWN], target[KNOWN])
    else:
        distances = np.linalg.norm(x[KNOWN, None] - x[None, KNOWN], axis=2)[np.triu_indices(6, 1)]
        bandwidth = 1.5 * np.sort(distances)[(len(distances) - 1) // 2]
        found = KernelRidge(alpha=L2, kernel="rbf", gamma=0.5 / bandwidth**2).fit(x[KNOWN], target[KNOWN])
    return np.asarray(found.predict(x))


@pytest.mark.parametrize("name", ["ridge", "kernel_ridge"])
def test_ease_is_the_regression_of_smoothed_choices(name: str) -> None:
    """The targets of an item are the choices of all users, smoothed by EASE."""
    smoothed = dense(HISTORIES) @ solve(item_gram(TRAIN, 8), 2)
    found = scores(fitted(name, options(name, "ease")))
    np.testing.assert_allclose(found, predicted(name, smoothed.T).T, atol=1e-5)


@pytest.mark.parametrize("name", ["ridge", "kernel_ridge"])
def test_als_is_the_regression_of_vectors(name: str) -> None:
    chosen = matrix(TRAIN, np.arange(len(TRAIN)), 8)
    vectors = implicit_als.item_factors(chosen, ALS, 1)
    users = implicit_als.solve(vectors, vectors.T @ vectors, chosen, ALS.l2, ALS.alpha)
    found = scores(fitted(name, options(name, "als")))
    np.testing.assert_allclose(found, users @ predicted(name, vectors).T, atol=1e-5)


@pytest.mark.parametrize("name", ["ridge", "kernel_ridge"])
@pytest.mark.parametrize("target", ["als", "ease"])
def test_a_new_item_is_scored_as_its_twin_of_the_catalogue(name: str, target: str) -> None:
    model = fitted(name, options(name, target))
    new = model.among(described().take(torch.tensor([6, 1, 7])))
    found = new.score(np.arange(len(TRAIN)), TRAIN)
    np.testing.assert_allclose(found, scores(model)[:, [6, 1, 7]], atol=1e-6)


def test_one_input_of_any_kind_is_enough() -> None:
    given = options("kernel_ridge", "ease") | {"weights": {}}
    numbers = contents(8)._replace(numbers=described().numbers, trained=described().trained)
    assert scores(fitted("kernel_ridge", given, numbers)).any()
    everything = described()
    categories = contents(8)._replace(
        category_offsets=everything.category_offsets, category_values=everything.category_values
    )
    assert scores(fitted("kernel_ridge", given, categories)).any()


def test_a_catalogue_that_is_too_large_is_refused() -> None:
    with pytest.raises(UserError, match=r"^kernel_ridge: .*8 x 8 items.*max_items"):
        fitted("kernel_ridge", options("kernel_ridge", "ease") | {"max_items": 7})


@pytest.mark.parametrize("target", ["ease", "als"])
def test_whether_weights_depend_on_the_seed(target: str) -> None:
    given = options("ridge", target)
    one, other = (fitted("ridge", given, seed=seed).model for seed in (1, 2))
    assert isinstance(one, ClosedForm)
    drawn = not all(x.equal(y) for x, y in zip(one.buffers(), other.buffers(), strict=True))
    assert drawn == one.draws(one.options) == (target == "als")
