"""Weights of inputs: what says nothing about choices counts less, and what is fixed stays."""

import numpy as np
import pytest
import torch

from fusionrec.models.fusion import input_weights
from fusionrec.models.fusion.input_weights import BANDWIDTH, Example

ITEMS, USERS, L2 = 40, 60, 0.4


def given() -> Example:
    """Two groups of items, which `taste` tells apart and `noise` does not; each user chooses from one group."""
    draw = np.random.default_rng(0)
    group = np.arange(ITEMS) % 2
    chosen = (group == (np.arange(USERS) % 2)[:, None]) & (draw.random((USERS, ITEMS)) < 0.4)
    blocks = {
        "taste": torch.from_numpy(group[:, None] * 2.0 - 1 + 0.1 * draw.normal(size=(ITEMS, 1))),
        "noise": torch.from_numpy(4 * draw.normal(size=(ITEMS, 5))),
    }
    return input_weights.example(blocks, chosen.astype(float), chosen, 0.1 * draw.normal(size=ITEMS), L2)


def test_what_says_nothing_counts_less() -> None:
    found = input_weights.choose(given(), {}, 1.0)
    assert found["noise"] <= 0.5 * found["taste"] and {*found} == {"taste", "noise", BANDWIDTH}


def test_what_is_fixed_stays() -> None:
    found = input_weights.choose(given(), {"noise": 3.0, "taste": 0.2}, 1.0)
    assert (found["noise"], found["taste"]) == (3.0, 0.2)


def test_without_choices_nothing_is_chosen() -> None:
    nothing = given()._replace(truth=np.zeros((0, ITEMS)), chosen=np.zeros((0, ITEMS), bool))
    assert input_weights.choose(nothing, {"noise": 0.5}, 0.7) == {"taste": 1.0, "noise": 0.5, BANDWIDTH: 0.7}


def test_an_item_is_predicted_from_all_others() -> None:
    example = given()
    kernel = input_weights.kernel(example.distances, {"taste": 1.0, "noise": 0.3, BANDWIDTH: 0.8})
    found = input_weights.left_out(kernel, example)
    for item in (0, 7, ITEMS - 1):
        others = np.arange(ITEMS) != item
        solved = np.linalg.solve(
            kernel[np.ix_(others, others)] + L2 * np.eye(ITEMS - 1), kernel[others, item]
        )
        popular = np.exp(example.log[others] @ solved)
        np.testing.assert_allclose(found[:, item], example.truth[:, others] @ solved * popular, atol=1e-9)


def test_a_kernel_of_equal_items_is_one() -> None:
    kernel = input_weights.kernel({"same": np.zeros((3, 3))}, {"same": 1.0, BANDWIDTH: 1.0})
    assert kernel == pytest.approx(np.ones((3, 3)))
