"""BM3 against its formula; test_contract.py has the tests that all models share."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.zoo.bm3 import Model, Options

from ..conftest import ITEMS, USERS
from .fixed_step import FixedStep

GRAPH = Histories(np.array([0, 3, 4, 4, 6]), np.array([1, 2, 3, 1, 4, 0]))
OPTIONS = Options(dim=3, layers=1, dropout=0.0, alignment=2.0, l2=0.1, losses={"bpr": 0.0})
OWNERS, TARGETS = torch.tensor([0, 3]), torch.tensor([2, 4])  # item 2 has no picture


def build(content: ItemInputs, **changes: float) -> Model:
    options = OPTIONS.model_copy(update=changes)
    model = Model(options, ModelData(content, USERS, 0, None, GRAPH))
    model.reset(torch.Generator().manual_seed(1))
    with torch.no_grad():
        model.predictor.bias.copy_(torch.tensor([0.1, -0.2, 0.3]))
    return model


def step(model: Model, content: ItemInputs, share: float = 1.0, seed: int | None = None) -> FixedStep:
    generator = None if seed is None else torch.Generator().manual_seed(seed)
    nothing = torch.zeros(2, 0, dtype=torch.int64)
    return FixedStep(
        OWNERS, TARGETS, nothing, share, model.towers(content), content=content, generator=generator
    )


def apart(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return 1 - F.cosine_similarity(one, other)


def test_an_item_is_its_smoothed_vector_plus_its_own(content: ItemInputs) -> None:
    model = build(content)
    users, items = model.propagated()
    neighbours = (
        model.users[0] / 6**0.5 + model.users[1] / 2**0.5
    )  # item 1 has 2 users, who have 3 and 1 items
    torch.testing.assert_close(items[1], (model.items[1] + neighbours) / 2 + model.items[1])
    torch.testing.assert_close(users[1], (model.users[1] + model.items[1] / 2**0.5) / 2)


def test_a_score_is_the_product_of_both_predictions(content: ItemInputs) -> None:
    model = build(content)
    towers, (users, items) = model.towers(content), model.propagated()
    vectors = model.user_vectors(towers, torch.tensor([3]), torch.zeros(1, 0, dtype=torch.int64))
    wanted = model.predictor(users[3:]) @ model.predictor(items).T
    torch.testing.assert_close(model.logits(vectors, towers), wanted)


@pytest.mark.parametrize("share", [1.0, 0.5])
def test_the_terms_of_the_loss(content: ItemInputs, share: float) -> None:
    model = build(content)
    loss = model.loss(step(model, content, share))
    users, items = model.propagated()
    user, item, p = users[OWNERS], items[TARGETS], model.predictor
    pairs = apart(p(user), item) + apart(p(item), user)
    inter = intra = torch.zeros(2)
    for name, modality in content.modalities.items():
        latent, present = model.projections[name](modality.vectors[TARGETS]), modality.present[TARGETS]
        inter = inter + present * apart(p(latent), item)
        intra = intra + present * apart(p(latent), latent)
    assert not content.modalities["vision"].present[TARGETS[0]], "an absent picture has no term"
    wanted = {
        "reconstruction": share * pairs.mean(),
        "inter": share * 2 * inter.mean(),
        "intra": share * 2 * intra.mean(),
        "l2": 0.1 * (users.norm() + items.norm()) / ITEMS,
        "bpr": torch.tensor(2.0),
    }
    torch.testing.assert_close(loss, wanted)


def test_targets_have_no_gradient(content: ItemInputs) -> None:
    """With a predictor that ignores its input, nothing but the targets depends on the vectors."""
    model = build(content, l2=0.0)
    with torch.no_grad():
        model.predictor.weight.zero_()
    loss = model.loss(step(model, content))
    torch.stack([loss[name] for name in ("reconstruction", "inter", "intra")]).sum().backward()
    assert model.predictor.bias.grad is not None and model.predictor.bias.grad.any()
    grads = [weights.grad for weights in (model.users, model.items, *model.projections.parameters())]
    assert all(grad is None or not grad.any() for grad in grads)


def test_targets_are_perturbed_by_dropout_in_training_only(content: ItemInputs) -> None:
    model = build(content, dropout=0.5)
    plain, other = model.loss(step(model, content)), model.loss(step(model, content))
    torch.testing.assert_close(plain, other, rtol=0, atol=0)
    one, same, another = (model.loss(step(model, content, seed=seed)) for seed in (1, 1, 2))
    torch.testing.assert_close(one, same, rtol=0, atol=0)
    for name in ("reconstruction", "inter", "intra"):
        assert len({loss[name].item() for loss in (plain, one, another)}) == 3
