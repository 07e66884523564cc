"""The losses of a step, against their formulas on scores of the whole catalogue."""

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.training import scored_step
from fusionrec.training.batches import Batch, causal
from fusionrec.training.objective import Objective, switched_on
from fusionrec.training.options import Negatives
from fusionrec.training.step import to

from .conftest import ITEMS, MODEL, TRAIN, build, cycle, losses, updated

USERS = np.array([0, 5, 7, 12])
SAMPLED = ["sampled_softmax", "bpr", "bce"]


def batch() -> Batch:
    """The last user has one target only, so that parts of the batch have different numbers of them."""
    return causal(cycle(), USERS, np.array([3, 0, 5, 7]), targets=2, length=6)


def setting(
    content: ItemInputs,
    model: FusionOptions = MODEL,
    weights: dict[str, float] = MODEL.losses,
    **changes: Any,
) -> Objective:
    built = build(content, updated(model, losses=weights))
    with torch.no_grad():
        assert built.item_bias is not None
        built.item_bias.add_(torch.arange(ITEMS) / 10)
    return Objective(built, content, cycle(), updated(TRAIN, **changes))


def model_of(objective: Objective) -> FusionModel:
    assert isinstance(objective.model, FusionModel)
    return objective.model


def negatives(**changes: Any) -> Negatives:
    return updated(TRAIN.negatives, **changes)


def all_logits(model: FusionModel, content: ItemInputs, of: Batch) -> torch.Tensor:
    towers = model.towers(content)
    return model.logits(model.user_vectors(towers, of.users, of.latest, of.timed), towers)


def test_softmax_by_hand(content: ItemInputs) -> None:
    this = setting(content, weights=losses(softmax=2))
    found = this(this.prepare(batch(), np.random.default_rng(0)), None)
    scores, expected = all_logits(model_of(this), content, batch()), []
    for row, targets in enumerate(batch().targets.tolist()):
        past = set(batch().past[1][batch().past[0] == row].tolist())
        candidates = [item for item in range(ITEMS) if item not in past]
        for target in [t for t in targets if t >= 0]:
            expected.append(scores[row, candidates].logsumexp(0) - scores[row, target])
    assert len(expected) == 7
    torch.testing.assert_close(found["softmax"], torch.stack(expected).mean())
    torch.testing.assert_close(found["loss"], 2 * found["softmax"])


def test_an_untrained_item_is_no_candidate(content: ItemInputs) -> None:
    lacking = content._replace(trained=torch.arange(ITEMS) != 11)
    this = setting(lacking, weights=losses(softmax=1))
    of = causal(cycle(), np.array([0, 5]), np.array([3, 0]), targets=2, length=6)
    step = this.prepare(of, np.random.default_rng(0))
    before = this(step, None)["loss"]
    this.content = lacking.with_modality(
        "vision", vectors=lacking.modalities["vision"].vectors + 100 * (torch.arange(ITEMS) == 11)[:, None]
    )
    torch.testing.assert_close(this(step, None)["loss"], before)


@pytest.mark.parametrize("head", ["dot", "mlp"])
def test_chunks_change_nothing(content: ItemInputs, head: str, monkeypatch: pytest.MonkeyPatch) -> None:
    model = updated(MODEL, head=head, dropout=0.0)
    this = setting(content, model, weights=losses(softmax=1))
    step = this.prepare(batch(), np.random.default_rng(0))
    found = []
    for limit in (scored_step.LOGITS, 1):
        monkeypatch.setattr(scored_step, "LOGITS", limit)
        this.zero_grad()
        this(step, torch.Generator().manual_seed(3))["loss"].backward()
        found.append([weight.grad.clone() for weight in this.parameters() if weight.grad is not None])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other)


@pytest.mark.parametrize("name", SAMPLED)
@pytest.mark.parametrize("strategy", ["uniform", "popularity", "popularity_inverse", "in_batch"])
@pytest.mark.parametrize("head", ["dot", "mlp"])
def test_only_what_occurs_is_encoded(content: ItemInputs, name: str, strategy: str, head: str) -> None:
    """The same loss as with the vectors of the whole catalogue."""
    model = updated(MODEL, head=head, dropout=0.0)
    chosen = negatives(strategy=strategy, ratio=3)
    this = setting(content, model, weights=losses(**{name: 1}), negatives=chosen)
    both = setting(content, model, weights=losses(**{name: 1}, softmax=1e-9), negatives=chosen)
    found = [each(each.prepare(batch(), np.random.default_rng(0)), None)[name] for each in (this, both)]
    torch.testing.assert_close(*found)


def test_bpr_by_hand(content: ItemInputs) -> None:
    this = setting(content, weights=losses(bpr=1), negatives=negatives(ratio=3))
    step = this.prepare(batch(), np.random.default_rng(0))
    scores = all_logits(model_of(this), content, batch())
    expected = []
    assert step.candidates is not None
    items, drawn_items = (step.candidates[x].tolist() for x in (step.pairs.item, step.pairs.negative))
    for row, item, drawn in zip(step.pairs.row.tolist(), items, drawn_items, strict=True):
        assert not set(drawn) & set(cycle()[USERS[row]].tolist()), "a negative was never chosen"
        expected.append(F.softplus(scores[row, drawn] - scores[row, item]).mean())
    torch.testing.assert_close(this(step, None)["bpr"], torch.stack(expected).mean())


def test_in_batch_negatives_are_the_other_targets(content: ItemInputs) -> None:
    this = setting(content, weights=losses(bpr=1), negatives=negatives(strategy="in_batch"))
    step = this.prepare(batch(), np.random.default_rng(0))
    scores, expected = all_logits(model_of(this), content, batch()), []
    assert step.candidates is not None
    items = step.candidates[step.pairs.item].tolist()
    for row, item in zip(step.pairs.row.tolist(), items, strict=True):
        others = [t for t in items if t not in cycle()[USERS[row]]]
        terms = F.softplus(scores[row, others] - scores[row, item])
        expected.append(terms.mean() if others else torch.zeros(()))
    torch.testing.assert_close(this(step, None)["bpr"], torch.stack(expected).mean())


@pytest.mark.parametrize("activation", ["none", "sigmoid", "tanh"])
def test_bce_takes_what_leaves_the_activation(content: ItemInputs, activation: str) -> None:
    model = updated(MODEL, final_activation=activation)
    this = setting(content, model, weights=losses(bce=1), negatives=negatives(ratio=2))
    step = this.prepare(batch(), np.random.default_rng(0))
    scores = all_logits(model_of(this), content, batch()).double()
    chance = torch.sigmoid(scores) if activation != "tanh" else (torch.tanh(scores) + 1) / 2
    rows, items = step.pairs.row, step.candidates
    assert items is not None
    hit, miss = chance[rows, items[step.pairs.item]], chance[rows[:, None], items[step.pairs.negative]]
    expected = -(hit.log() + (1 - miss).log().sum(1)) / 3
    torch.testing.assert_close(this(step, None)["bce"].double(), expected.mean(), rtol=1e-5, atol=1e-6)


def test_contrastive_counts_an_item_once_and_only_if_it_has_both(content: ItemInputs) -> None:
    this = setting(content, weights=losses(softmax=1, contrastive=0.5))
    users = np.array([0, 0, 0, 1])  # items 3 and 4 lack one of both; the targets repeat
    repeated = causal(cycle(), users, np.array([3, 4, 5, 4]), targets=3, length=6)
    step = this.prepare(repeated, np.random.default_rng(0))
    assert step.items.tolist() == [3, 4, 5, 6, 7]
    found = this(step, None)
    vision, language = (one.vectors for one in model_of(this).candidates.projected(content).values())
    v, t = (F.normalize(x[[5, 6, 7]], dim=1) for x in (vision, language))
    cosine = v @ t.T / model_of(this).temperature
    own = torch.arange(3)
    expected = (F.cross_entropy(cosine, own) + F.cross_entropy(cosine.T, own)) / 2
    torch.testing.assert_close(found["contrastive"], expected)
    torch.testing.assert_close(found["loss"], found["softmax"] + 0.5 * expected)


@pytest.mark.parametrize("strategy", ["uniform", "in_batch"])
def test_parts_of_a_step_average_to_the_whole(content: ItemInputs, strategy: str) -> None:
    weights = losses(softmax=1, sampled_softmax=1, bpr=1, bce=1, contrastive=1)
    if strategy == "in_batch":  # negatives are those of the part, so that only the others agree
        weights = losses(softmax=1, contrastive=1)
    this = setting(content, weights=weights, negatives=negatives(strategy=strategy))
    whole, *parts = (
        this.prepare(batch(), np.random.default_rng(0), rank, size) for rank, size in ((0, 1), (0, 2), (1, 2))
    )
    assert parts[0].share != parts[1].share
    assert sum(len(part.pairs.item) for part in parts) == len(whole.pairs.item)
    one, *two = (this(step, None) for step in [whole, *parts])
    for name, value in one.items():
        torch.testing.assert_close(torch.stack([part[name] for part in two]).mean(), value, msg=name)


def test_dropout_is_drawn_from_the_generator_alone(content: ItemInputs) -> None:
    this = setting(content, updated(MODEL, head="mlp"), weights=losses(softmax=1, bpr=1))
    step = this.prepare(batch(), np.random.default_rng(0))
    before = torch.get_rng_state()
    one, same, other = (this(step, torch.Generator().manual_seed(s))["loss"] for s in (1, 1, 2))
    assert one == same != other
    assert torch.equal(before, torch.get_rng_state())


def test_a_step_moves_whole(content: ItemInputs) -> None:
    this = setting(content, weights=losses(softmax=1, bpr=1))
    step = this.prepare(batch(), np.random.default_rng(0))
    moved = to(step, torch.device("cpu"))
    torch.testing.assert_close(this(moved, None)["loss"], this(step, None)["loss"])


def test_something_ranks_items() -> None:
    for weights in (losses(), losses(contrastive=1.0)):
        with pytest.raises(UserError, match="at least one loss that ranks items"):
            switched_on(weights)
    assert [*switched_on(losses(bpr=1.0, contrastive=1.0))] == ["bpr", "contrastive"]
    assert switched_on(losses(), ranked=True) == {}, "the model has a loss of its own"
