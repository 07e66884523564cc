"""ALS against its normal equations, its objective, and the library implicit."""

from itertools import pairwise

import numpy as np
import pytest
import torch

from fusionrec.models.implicit_als import Factorisation, fold_in, gram, item_factors, solve
from fusionrec.models.interaction_matrix import matrix

from .closed_forms import HISTORIES, dense, fitted, histories, scores

L2, ALPHA = 0.7, 3.0
TRAIN = histories(HISTORIES)
CHOSEN = matrix(TRAIN, np.arange(len(TRAIN)), 8)


def normal_equations(items: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """The vectors of users by their definition, with all confidences written out."""
    solved = []
    for row in chosen:
        confidence = np.diag(1 + ALPHA * row)
        left = items.T @ confidence @ items + L2 * np.eye(items.shape[1])
        solved.append(np.linalg.solve(left, items.T @ confidence @ row))
    return np.array(solved)


@pytest.mark.parametrize("factors", [1, 2, 3, 10])
def test_both_systems_solve_the_normal_equations(factors: int) -> None:
    """Histories are shorter than 10 factors, as long as some, and longer than 1."""
    items = np.random.default_rng(0).standard_normal((8, factors))
    found = solve(items, items.T @ items, CHOSEN, L2, ALPHA)
    np.testing.assert_allclose(found, normal_equations(items, dense(HISTORIES)), rtol=1e-9)


def test_a_users_vector_depends_on_the_history_alone() -> None:
    model = fitted("als", {"factors": [3], "l2": [L2], "alpha": [ALPHA], "iterations": 5})
    alone = histories([[2, 5]])
    own = model.user_vectors(np.array([0]), alone)
    assert torch.equal(model.user_vectors(np.arange(6), TRAIN)[3], own[0])
    again = histories([[5, 2, 5]])
    assert torch.equal(model.user_vectors(np.array([0]), again), own), "order and repetition do not matter"
    assert not model.user_vectors(np.array([0]), histories([[]])).any()


def test_scores_are_inner_products_with_the_solution() -> None:
    model = fitted("als", {"factors": [3], "l2": [L2], "alpha": [ALPHA], "iterations": 5})
    items = model.towers.candidates.numpy().astype(float)
    users = normal_equations(items, dense(HISTORIES))
    found = scores(model)
    np.testing.assert_allclose(found[:, :6], (users @ items.T)[:, :6], atol=1e-5)
    assert not items[6:].any() and np.isneginf(found[:, 6:]).all(), "items without interactions"


def test_each_iteration_lowers_the_objective() -> None:
    chosen = dense(HISTORIES)

    def objective(iterations: int) -> float:
        settings = Factorisation(factors=2, l2=L2, alpha=ALPHA, iterations=iterations)
        items = item_factors(CHOSEN, settings, 1)
        users = normal_equations(items, chosen)
        errors = (1 + ALPHA * chosen) * (chosen - users @ items.T) ** 2
        return float(errors.sum() + L2 * ((users**2).sum() + (items**2).sum()))

    values = [objective(iterations) for iterations in (1, 2, 3, 10, 30)]
    assert all(later < earlier for earlier, later in pairwise(values))


def test_it_agrees_with_implicit() -> None:
    library = pytest.importorskip("implicit", reason="the library implicit is not installed")
    from scipy.sparse import csr_matrix

    model = library.als.AlternatingLeastSquares(
        factors=8,
        regularization=L2,
        alpha=1 + ALPHA,
        iterations=1,
        use_cg=False,
        dtype=np.float64,
        num_threads=1,
    )
    items = np.random.default_rng(0).standard_normal((8, 8))
    model.item_factors = items.copy()
    model.user_factors = np.zeros((len(TRAIN), 8))
    model.fit(csr_matrix(CHOSEN), show_progress=False)
    vectors = torch.from_numpy(model.item_factors).float()
    latest = torch.from_numpy(TRAIN.latest(np.arange(6), 4))
    ours = fold_in(vectors, gram(vectors), latest, L2, ALPHA)
    theirs = [model.recalculate_user(0, csr_matrix(CHOSEN[[user]])) for user in range(6)]
    np.testing.assert_allclose(ours, np.array(theirs), atol=1e-5)
