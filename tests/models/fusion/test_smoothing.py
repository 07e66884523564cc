"""Smoothed choices against their definitions."""

import numpy as np
import pandas as pd
import pytest

from fusionrec.data.histories import Histories
from fusionrec.models.fusion import smoothing
from fusionrec.models.fusion.smoothing import Smoothing
from fusionrec.models.interaction_matrix import matrix

USERS, ITEMS = 40, 9
KNOWN = np.arange(ITEMS) != 4
SCALE = np.linspace(0.5, 2, ITEMS - 1)


def train() -> Histories:
    """Item 4 has no interaction."""
    rng = np.random.default_rng(0)
    rows = [
        (user, item) for user in range(USERS) for item in range(ITEMS) if item != 4 and rng.random() < 0.3
    ]
    return Histories.of(pd.DataFrame(rows, columns=["user", "item"]).assign(timestamp=0), USERS)


def expected(smooth: np.ndarray) -> np.ndarray:
    """X (smooth + 0.1 I) diag(scale)."""
    chosen = matrix(train(), np.arange(USERS), ITEMS)[:, KNOWN].toarray()
    found: np.ndarray = chosen @ (smooth + 0.1 * np.eye(ITEMS - 1)) * SCALE
    return found


def ease() -> np.ndarray:
    chosen = matrix(train(), np.arange(USERS), ITEMS)[:, KNOWN].toarray()
    inverse = np.linalg.inv(chosen.T @ chosen + 5 * np.eye(ITEMS - 1))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def singular() -> np.ndarray:
    chosen = matrix(train(), np.arange(USERS), ITEMS)[:, KNOWN].toarray()
    right = np.linalg.svd(chosen)[2][:3]
    return right.T @ right


@pytest.mark.parametrize(("most", "smooth"), [(8, ease()), (7, singular())], ids=["ease", "singular vectors"])
def test_it_is_what_its_definition_says(most: int, smooth: np.ndarray) -> None:
    options = Smoothing(l2=5, own=0.1, max_items=most, rank=3)
    smoother = smoothing.fit(train(), KNOWN, SCALE, options)
    chosen = matrix(train(), np.arange(USERS), ITEMS)[:, KNOWN]
    np.testing.assert_allclose(smoother.of(chosen), expected(smooth), atol=1e-6)
    np.testing.assert_allclose(chosen @ smoother.times(np.eye(ITEMS - 1)), expected(smooth), atol=1e-6)


def test_a_rank_beyond_the_matrix_is_cut() -> None:
    smoother = smoothing.fit(train(), KNOWN, SCALE, Smoothing(l2=5, own=0, max_items=0, rank=100))
    assert smoother.left.shape == (ITEMS - 1, ITEMS - 2)
