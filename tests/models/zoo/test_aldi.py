"""ALDI by hand: the terms of the distillation, and who scores which item."""

import math

import numpy as np
import pytest
import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.contract import ModelData
from fusionrec.models.implicit_als import AlsOptions, factorise
from fusionrec.models.zoo.aldi import Model, Options, Pairs, distillation

from ..conftest import CATEGORY_VALUES, ITEMS, USERS
from .fixed_step import FixedStep

CHOSEN = Histories(np.array([0, 3, 5, 5, 7]), np.array([1, 2, 3, 1, 4, 0, 2]))
TEACHER = AlsOptions(alpha=3, l2=0.5, iterations=3)
OPTIONS = Options(
    dim=3, teacher=TEACHER, scale=4, hidden=4, content_dropout=0.0, rating=0.1, ranking=0.9, identification=0.5,
    losses={"bpr": 1.0},
)  # fmt: skip
NOTHING = torch.zeros(1, 0, dtype=torch.int64)


@pytest.fixture
def model(content: ItemInputs) -> Model:
    built = Model(OPTIONS, ModelData(content, USERS, CATEGORY_VALUES, graph=CHOSEN))
    built.reset(torch.Generator().manual_seed(1))
    return built.eval()


def test_the_teacher_is_als_with_scaled_scores(model: Model) -> None:
    users, items = factorise(CHOSEN, ITEMS, 3, TEACHER, torch.Generator().manual_seed(1))
    torch.testing.assert_close(model.users @ model.items.T, 4 * users @ items.T)


def test_warm_items_are_scored_by_the_teacher_and_others_by_the_student(
    model: Model, content: ItemInputs
) -> None:
    towers = model.towers(content)
    scores = model.logits(model.user_vectors(towers, torch.tensor([1]), NOTHING), towers)[0]
    student = model.student_items(content) @ model.student_users(model.users[1])
    torch.testing.assert_close(scores[:5], model.items[:5] @ model.users[1])
    torch.testing.assert_close(scores[5], student[5])
    new = model.new_towers(content)
    torch.testing.assert_close(
        model.logits(model.user_vectors(new, torch.tensor([1]), NOTHING), new)[0], student
    )
    model.train()
    towers = model.towers(content)
    in_training = model.logits(model.user_vectors(towers, torch.tensor([1]), NOTHING), towers)[0]
    torch.testing.assert_close(in_training, student)


def bce(logit: float, teacher: float) -> float:
    """Cross-entropy of sigmoid(logit) to sigmoid(teacher)."""
    label, made = (1 / (1 + math.exp(-x)) for x in (teacher, logit))
    return -label * math.log(made) - (1 - label) * math.log(1 - made)


def test_one_target_with_two_negatives_by_hand() -> None:
    """Teacher: scores 3, and 1, 0. Student: 1, and 2, 0."""
    teacher = Pairs(torch.tensor([[1.0]]), torch.tensor([[3.0]]), torch.tensor([[[1.0], [0.0]]]))
    student = Pairs(torch.tensor([[2.0]]), torch.tensor([[0.5]]), torch.tensor([[[1.0], [0.0]]]))
    terms = distillation(teacher, student)
    assert terms["rating"].item() == pytest.approx(2 + (1 + 0) / 2)
    assert terms["ranking"].item() == pytest.approx((bce(-1, 2) + bce(1, 3)) / 2)
    assert terms["identification"].item() == pytest.approx(bce(0.25 - 0.25, 9 - 1.5))


def test_the_terms_are_those_of_the_step(model: Model, content: ItemInputs) -> None:
    step = FixedStep(torch.tensor([0, 3]), torch.tensor([2, 0]), torch.tensor([[0, 4], [3, 3]]), 0.5)
    step.content = content
    made, users = model.student_items(content), model.student_users(model.users)

    def pairs(u: torch.Tensor, v: torch.Tensor) -> Pairs:
        return Pairs(u[[0, 3]], v[[2, 0]], torch.stack([v[[0, 4]], v[[3, 3]]]))

    expected = distillation(pairs(model.users, model.items), pairs(users, made))
    loss = model.loss(step)
    for name, weight in (("rating", 0.1), ("ranking", 0.9), ("identification", 0.5)):
        torch.testing.assert_close(loss[name], 0.5 * weight * expected[name])


def test_it_needs_negatives_and_the_graph(model: Model, content: ItemInputs) -> None:
    step = FixedStep(torch.tensor([0]), torch.tensor([2]), NOTHING)
    with pytest.raises(UserError, match=r"model\.aldi.*train\.negatives\.strategy"):
        model.loss(step)
    with pytest.raises(ValueError, match="graph"):
        Model(OPTIONS, ModelData(content, USERS, CATEGORY_VALUES))
