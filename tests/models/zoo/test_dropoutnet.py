"""DropoutNet by hand: its inputs, what is dropped, and the error of the scores."""

import numpy as np
import pytest
import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.implicit_als import AlsOptions
from fusionrec.models.zoo.dropoutnet import Model, Options, standardised

from ..conftest import CATEGORY_VALUES, USERS
from .fixed_step import FixedStep

CHOSEN = Histories(np.array([0, 3, 5, 5, 7]), np.array([1, 2, 3, 1, 4, 0, 2]))
OPTIONS = Options(
    dim=3, preferences=AlsOptions(alpha=3, l2=0.5, iterations=3), hidden=[5, 4], max_history=3, dropout=0.5,
    content_dropout=0.0, sampled=9, losses={"softmax": 0.0},
)  # fmt: skip
ALL = torch.arange(USERS)
LATEST = torch.tensor([[3, 2, 1], [4, -1, 1], [-1, -1, -1], [2, 0, -1]])


@pytest.fixture
def model(content: ItemInputs) -> Model:
    known = torch.tensor([True, True, False, True])
    built = Model(OPTIONS, ModelData(content, USERS, CATEGORY_VALUES, known, CHOSEN))
    built.reset(torch.Generator().manual_seed(1))
    return built.eval()


def test_preferences_are_standardised_over_what_is_known() -> None:
    factors = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 0.0]])
    made = standardised(factors, torch.tensor([True, True, False]))
    assert made.tolist() == [[-1, 0], [1, 0], [-2, 0]]


def test_a_user_is_preferences_and_the_mean_of_the_history(model: Model, content: ItemInputs) -> None:
    towers = model.towers(content)
    made = model.user_vectors(towers, ALL, LATEST)
    contents = model.user_contents(content)
    preferences = standardised(model.users, torch.tensor([True, True, False, True]))
    expected = model.user_tower(preferences[1:2], contents[[4, 1]].mean(0, keepdim=True))
    torch.testing.assert_close(made[1:2], expected)
    assert not made[2].any(), "nothing is known of user 2"
    stranger = model.user_vectors(towers, torch.tensor([USERS]), LATEST[1:2])
    torch.testing.assert_close(
        stranger, model.user_tower(torch.zeros(1, 3), contents[[4, 1]].mean(0, keepdim=True))
    )


def test_an_item_without_train_interactions_has_no_preferences(model: Model, content: ItemInputs) -> None:
    vectors, contents = model.towers(content).candidates, model.item_contents(content)
    inputs = standardised(model.items, model.items.any(1))
    torch.testing.assert_close(vectors[:5], model.item_tower(inputs[:5], contents[:5]))
    without = model.item_tower(torch.zeros(6, 3), contents)
    torch.testing.assert_close(vectors[5], without[5])
    torch.testing.assert_close(model.new_towers(content).candidates, without)


def test_preferences_are_dropped_in_training(model: Model, content: ItemInputs) -> None:
    towers = model.towers(content, torch.Generator().manual_seed(0))
    whole, without = model.towers(content).candidates, model.new_towers(content).candidates
    kept = torch.isclose(towers.candidates, whole).all(1)
    dropped = torch.isclose(towers.candidates, without).all(1)
    assert (kept | dropped).all() and kept.any() and dropped[:5].any()
    assert towers.own.tolist() != model.known_users.tolist() and not towers.own[2]


def test_the_error_is_that_of_the_scores_of_als(model: Model, content: ItemInputs) -> None:
    """Nothing is dropped, and as many items are drawn as there are: the best ones and random ones."""
    model.options = OPTIONS.model_copy(update={"dropout": 0.0})
    step = FixedStep(ALL[:0], ALL[:0], torch.zeros(0, 0, dtype=torch.int64), 0.5)
    step.content, step.users = content, torch.tensor([0, 3])
    step.towers, step.generator = model.towers(content), torch.Generator().manual_seed(2)
    step.vectors = model.user_vectors(step.towers, step.users, LATEST[step.users])
    drawn = torch.randint(5, (2, 5), generator=torch.Generator().manual_seed(2))
    wanted = model.users[step.users] @ model.items[:5].T
    squares = (step.vectors @ step.towers.candidates[:5].T - wanted).square()
    expected = (squares.mean() + squares.gather(1, drawn).mean()) / 2
    torch.testing.assert_close(model.loss(step)["error"], 0.5 * expected)


def test_the_order_of_a_history_does_not_matter(model: Model, content: ItemInputs) -> None:
    towers = model.towers(content)
    assert torch.equal(
        model.user_vectors(towers, ALL, LATEST), model.user_vectors(towers, ALL, LATEST.flip(1))
    )
