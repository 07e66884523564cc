"""ALS against its normal equations, and against the loss that it minimises."""

import numpy as np
import pytest
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.implicit_als import AlsOptions, factorise, solve
from fusionrec.models.interaction_matrix import matrix

# user 1 has no interaction, item 3 no user, and user 0 chose item 1 twice
CHOSEN = Histories(np.array([0, 3, 3, 5]), np.array([0, 1, 1, 1, 2]))
OPTIONS = AlsOptions(alpha=3, l2=0.5, iterations=20)


def drawn() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_factors_solve_the_weighted_ridge_regression() -> None:
    items = np.random.default_rng(0).standard_normal((4, 2))
    users = solve(items, items.T @ items, matrix(CHOSEN, np.arange(3), 4), OPTIONS.l2, OPTIONS.alpha)
    for user, chosen in ((0, [0, 1]), (2, [1, 2])):
        weight, target = np.ones(4), np.zeros(4)
        weight[chosen], target[chosen] = 4, 1
        root = np.sqrt(weight)[:, None]
        rows = np.concatenate([root * items, np.sqrt(0.5) * np.eye(2)])
        expected = np.linalg.lstsq(rows, np.concatenate([root[:, 0] * target, np.zeros(2)]), rcond=None)[0]
        assert users[user] == pytest.approx(expected)
    assert not users[1].any()


def test_choices_score_high_and_what_is_unknown_is_zero() -> None:
    factors = factorise(CHOSEN, 4, 2, OPTIONS, drawn())
    scores = factors.users @ factors.items.T
    assert scores[0, [0, 1]].min() > 0.5 > scores[0, 2]
    assert not factors.users[1].any() and not factors.items[3].any()
    assert factors.users.dtype == factors.items.dtype == torch.float32


def test_the_same_generator_gives_the_same_bytes() -> None:
    first, again = (factorise(CHOSEN, 4, 2, OPTIONS, drawn()) for _ in range(2))
    assert torch.equal(first.users, again.users) and torch.equal(first.items, again.items)
