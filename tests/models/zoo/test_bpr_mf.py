"""Matrix factorisation against its formula: scores and the penalty on the vectors of a step."""

import pytest
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData, Towers
from fusionrec.models.zoo.bpr_mf import Model, Options

from ..conftest import ITEMS, USERS
from .fixed_step import FixedStep


@pytest.fixture
def model(content: ItemInputs) -> Model:
    built = Model(Options(dim=3, l2=0.1, losses={"bpr": 1.0}), ModelData(content, USERS, 0))
    built.reset(torch.Generator().manual_seed(1))
    with torch.no_grad():
        built.item_bias.add_(torch.arange(ITEMS) / 10)
    return built


def test_a_score_is_an_inner_product_plus_the_bias(model: Model, content: ItemInputs) -> None:
    towers: Towers = model.towers(content)
    users = torch.tensor([2, 0])
    vectors = model.user_vectors(towers, users, torch.zeros(2, 0, dtype=torch.int64))
    expected = torch.stack(
        [
            torch.stack([(model.users[user] * model.items[item]).sum() + item / 10 for item in range(ITEMS)])
            for user in users.tolist()
        ]
    )
    torch.testing.assert_close(model.logits(vectors, towers), expected)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_penalty_is_on_the_vectors_of_the_step(model: Model, share: float) -> None:
    negatives = torch.tensor([[0, 1], [2, 3], [4, 5]])
    step = FixedStep(torch.tensor([0, 0, 3]), torch.tensor([5, 4, 1]), negatives, share)
    each = [
        model.users[user].square().sum()
        + model.items[target].square().sum()
        + model.items[drawn].square().sum() / 2
        for user, target, drawn in zip(step.owners, step.targets, step.negatives, strict=True)
    ]
    loss = model.loss(step)
    assert loss.keys() == {"bpr", "l2"} and loss["bpr"] == 2
    torch.testing.assert_close(loss["l2"], share * 0.1 / 2 * torch.stack(each).mean())


def test_without_negatives_the_penalty_is_on_users_and_targets(model: Model) -> None:
    step = FixedStep(torch.tensor([1]), torch.tensor([2]), torch.zeros(1, 0, dtype=torch.int64))
    expected = 0.05 * (model.users[1].square().sum() + model.items[2].square().sum())
    torch.testing.assert_close(model.loss(step)["l2"], expected)
