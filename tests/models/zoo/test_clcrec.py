"""CLCRec by hand: both vectors of an item, which of them is scored, and the alignment of both."""

import math

import pytest
import torch
import torch.nn.functional as F

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.zoo.clcrec import Model, Options, alignment

from ..conftest import CATEGORY_VALUES, ITEMS, USERS
from .fixed_step import FixedStep

OPTIONS = Options(
    dim=3, hidden=4, temperature=0.5, replaced=0.5, alignment=2, content_dropout=0.0, l2=0.0,
    losses={"sampled_softmax": 1.0},
)  # fmt: skip


@pytest.fixture
def model(content: ItemInputs) -> Model:
    built = Model(OPTIONS, ModelData(content, USERS, CATEGORY_VALUES))
    built.reset(torch.Generator().manual_seed(1))
    return built.eval()


def test_the_alignment_of_two_items_by_hand() -> None:
    ids, features = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([[3.0, 0.0], [1.0, 1.0]])
    slanted = math.sqrt(0.5) / 0.5  # the cosine of 45 degrees
    first = math.log(math.exp(2) + math.exp(slanted)) - 2
    second = math.log(1 + math.exp(slanted)) - slanted
    assert alignment(ids, features, 0.5).item() == pytest.approx((first + second) / 2, rel=1e-6)


def test_scores_are_those_of_ids_and_of_contents_where_train_lacks_the_item(
    model: Model, content: ItemInputs
) -> None:
    towers = model.towers(content)
    scores = model.logits(
        model.user_vectors(towers, torch.tensor([1]), torch.zeros(1, 0, dtype=torch.int64)), towers
    )
    weights = dict(model.named_parameters())
    hidden = F.leaky_relu(model.contents(content))
    features = hidden @ weights["out.weight"].T + weights["out.bias"]
    vectors = torch.cat([model.items[:5], features[5:]])
    torch.testing.assert_close(scores[0], vectors @ model.users[1] / 0.5)
    torch.testing.assert_close(model.new_towers(content).candidates, features)


def test_in_training_some_items_are_known_by_their_contents(model: Model, content: ItemInputs) -> None:
    towers = model.towers(content, torch.Generator().manual_seed(4))
    by_id = (towers.candidates == model.items).all(1)
    by_contents = (towers.candidates == model.features(content)).all(1)
    assert (by_id ^ by_contents).all() and by_id.any() and by_contents[:5].any() and by_contents[5]


def test_each_target_is_aligned_once(model: Model, content: ItemInputs) -> None:
    step = FixedStep(
        torch.tensor([0, 1, 2]), torch.tensor([4, 1, 4]), torch.zeros(3, 0, dtype=torch.int64), 0.5
    )
    step.content = content
    expected = 0.5 * 2 * alignment(model.items[[1, 4]], model.features(content)[[1, 4]], 0.5)
    torch.testing.assert_close(model.loss(step)["alignment"], expected)


def test_ids_can_be_exchanged(model: Model) -> None:
    order = torch.arange(ITEMS).flip(0)
    assert torch.equal(model.with_ids(order).items, model.items.flip(0))
    assert model.inputs() == ["vision", "language", "numbers", "categories", "id"]
