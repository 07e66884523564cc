"""VBPR against its formula; test_contract.py has the tests that all models share."""

import pytest
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.zoo.vbpr import Model, Options

from ..conftest import ITEMS, USERS
from .fixed_step import FixedStep

UNTRAINED = ITEMS - 1  # of the fixture


@pytest.fixture
def model(content: ItemInputs) -> Model:
    built = Model(Options(dim=3, l2=0.1, losses={"bpr": 1.0}), ModelData(content, USERS, 0))
    built.reset(torch.Generator().manual_seed(1))
    with torch.no_grad():
        built.item_bias.copy_(torch.arange(ITEMS) / 10)
        for matrix in built.projections.values():
            matrix[:, -1] = torch.arange(len(matrix)) / 7
    return built


def said_of(content: ItemInputs, item: int) -> torch.Tensor:
    """f: the joined vectors of all modalities, which have nine values together."""
    return torch.cat([one.vectors[item] for one in content.modalities.values()]) / 3


def expected(model: Model, content: ItemInputs, user: int, item: int) -> torch.Tensor:
    """b + p · q + t · E f + c · f, of joined contents; without the first two for an item that train lacks."""
    features = said_of(content, item)
    projection = torch.cat([model.projections[name] for name in content.modalities])
    by_id, taste = model.users[user].split(3)
    said = taste @ (features @ projection[:, :3]) + features @ projection[:, 3]
    return said if item == UNTRAINED else said + item / 10 + by_id @ model.items[item]


def test_a_score_is_what_ids_and_contents_say(model: Model, content: ItemInputs) -> None:
    towers, users = model.towers(content), torch.tensor([2, 0])
    vectors = model.user_vectors(towers, users, torch.zeros(2, 0, dtype=torch.int64))
    wanted = torch.stack(
        [torch.stack([expected(model, content, user, item) for item in range(ITEMS)]) for user in (2, 0)]
    )
    torch.testing.assert_close(model.logits(vectors, towers), wanted)


def test_a_new_item_is_scored_by_its_contents(model: Model, content: ItemInputs) -> None:
    rows = torch.tensor([UNTRAINED, 0])
    new = model.new_towers(content.take(rows))
    vectors = model.user_vectors(new, torch.tensor([1]), torch.zeros(1, 0, dtype=torch.int64))
    by_id = model.users[1, :3] @ model.items[0]  # item 0 has the bias 0
    wanted = [expected(model, content, 1, UNTRAINED), expected(model, content, 1, 0) - by_id]
    torch.testing.assert_close(model.logits(vectors, new)[0], torch.stack(wanted))


def test_contents_are_constant(model: Model, content: ItemInputs) -> None:
    towers = model.towers(content)
    (model.users @ towers.candidates.T + towers.bias).sum().backward()
    assert {name for name, _ in model.named_parameters()} == {
        "users", "items", "item_bias", "projections.vision", "projections.language"
    }  # fmt: skip
    assert not any(one.vectors.requires_grad for one in content.modalities.values())
    assert all(weights.grad is not None and weights.grad.any() for weights in model.parameters())


def test_the_penalty_is_on_vectors_and_projected_contents(model: Model, content: ItemInputs) -> None:
    step = FixedStep(torch.tensor([0]), torch.tensor([5]), torch.tensor([[1]]))
    step.content, step.towers = content, model.towers(content)
    squares = model.users[0].square().sum() + model.items[[5, 1]].square().sum()
    projection = torch.cat([model.projections[name] for name in content.modalities])
    for item in (5, 1):
        squares = squares + (said_of(content, item) @ projection).square().sum()
    torch.testing.assert_close(model.loss(step)["l2"], 0.05 * squares)


def test_with_other_ids(model: Model, content: ItemInputs) -> None:
    order = torch.tensor([1, 0, 2, 3, 4, 5])
    other = model.with_ids(order)
    assert other.items.equal(model.items[order]) and other.item_bias.equal(model.item_bias[order])
    assert other.projections["vision"].equal(model.projections["vision"])
    assert not other.towers(content).candidates.equal(model.towers(content).candidates)
