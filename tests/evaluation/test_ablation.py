"""Ablation: the input that is taken away no longer matters, the others do as before."""

import numpy as np
import pandas as pd
import pytest
import torch
from tests.models.conftest import CATEGORY_VALUES, ITEMS, USERS, content, options, with_tokens  # noqa: F401

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.evaluation import report
from fusionrec.evaluation.ablation import INPUTS, ablate, modalities, of_inputs
from fusionrec.evaluation.metrics import accuracy
from fusionrec.evaluation.protocol import Task, rank
from fusionrec.models.contract import ModelData
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo.fusion import FusionModel

PAST = Histories.of(pd.DataFrame({"user": [0, 0, 1], "item": [1, 2, 4], "timestamp": [1, 2, 1]}), USERS)
ALL = np.arange(USERS)


@pytest.fixture
def build(options, with_tokens):  # type: ignore[no-untyped-def]  # noqa: F811
    draw = torch.Generator().manual_seed(6)
    audio = {"vectors": torch.randn(ITEMS, 3, generator=draw), "present": torch.arange(ITEMS) != 1}
    three = with_tokens.with_modality("audio", **audio)

    def built(**update: object) -> TrainedModel:
        model = FusionModel(options.model_copy(update=update), ModelData(three, USERS, CATEGORY_VALUES))
        model.reset(torch.Generator().manual_seed(5))
        with torch.no_grad():
            if model.item_bias is not None:
                model.item_bias.add_(torch.arange(ITEMS) / 10)
        return TrainedModel(model, three, [f"i{i}" for i in range(ITEMS)])

    return built


def scores(trained: TrainedModel) -> torch.Tensor:
    return trained.score(ALL, PAST)


def other(inputs: ItemInputs, modality: str) -> ItemInputs:
    """The catalogue with another `modality`."""
    draw = torch.Generator().manual_seed(77)
    if modality in inputs.modalities:
        vectors, present, tokens = inputs.modalities[modality]
        changed = {"vectors": torch.randn(vectors.shape, generator=draw), "present": ~present}
        return inputs.with_modality(modality, tokens=torch.randn(tokens.shape, generator=draw), **changed)
    if modality == "categories":
        return inputs._replace(
            category_offsets=torch.arange(ITEMS + 1), category_values=torch.arange(ITEMS) % 3
        )
    if modality == "id":
        return inputs._replace(trained=~inputs.trained)
    return inputs._replace(numbers=torch.randn(inputs.numbers.shape, generator=draw))


def fields(modality: str) -> set[str]:
    """The names of its tensors."""
    own = {"categories": {"category_offsets", "category_values"}, "id": {"trained"}, "numbers": {"numbers"}}
    return own.get(modality, {modality, f"{modality}_present", f"{modality}_tokens"})


@pytest.mark.parametrize("fusion", ["concatenate", "gated", "attention", "cross_modal"])
@pytest.mark.parametrize("modality", INPUTS)
def test_absent_scores_do_not_depend_on_the_modality(build, modality, fusion) -> None:  # type: ignore[no-untyped-def]
    one = build(method=fusion)
    changed = TrainedModel(one.model, other(one.content, modality))
    assert not torch.allclose(scores(one), scores(changed)), "the modality mattered"
    draw = torch.Generator()
    a, b = (scores(ablate(trained, modality, "absent", draw)) for trained in (one, changed))
    if modality == "numbers":  # each catalogue has a mean of its own
        assert not torch.allclose(a, scores(one))
    else:
        torch.testing.assert_close(a, b)


def test_absent_numbers_are_the_mean_of_the_train_items(build) -> None:  # type: ignore[no-untyped-def]
    one = build()
    numbers = ablate(one, "numbers", "absent", torch.Generator()).content.numbers
    mean = one.content.numbers[one.content.trained].mean(0)
    torch.testing.assert_close(numbers, mean.repeat(ITEMS, 1))


def test_an_item_without_id_scores_as_a_cold_one(build) -> None:  # type: ignore[no-untyped-def]
    one = build()
    cold = TrainedModel(one.model, one.content._replace(trained=torch.zeros(ITEMS, dtype=torch.bool)))
    assert torch.equal(scores(ablate(one, "id", "absent", torch.Generator())), scores(cold))


@pytest.mark.parametrize("modality", INPUTS)
def test_shuffled_is_the_permuted_input_and_nothing_else(build, modality) -> None:  # type: ignore[no-untyped-def]
    one = build()
    order = torch.randperm(ITEMS, generator=torch.Generator().manual_seed(3))
    shuffled = ablate(one, modality, "shuffled", torch.Generator().manual_seed(3))
    taken = one.content.take(order)
    for name, x in shuffled.content.tensors().items():
        source = taken if name in fields(modality) else one.content
        assert torch.equal(x, source.tensors()[name]), name
    assert not torch.allclose(scores(shuffled), scores(one))
    assert shuffled.item_ids == one.item_ids


def test_all_shuffled_alike_is_the_catalogue_in_another_order(build) -> None:  # type: ignore[no-untyped-def]
    shuffled = build()
    order = torch.randperm(ITEMS, generator=torch.Generator().manual_seed(3))
    for modality in modalities(shuffled):
        shuffled = ablate(shuffled, modality, "shuffled", torch.Generator().manual_seed(3))
    back = Histories(PAST.offsets, order.argsort().numpy()[PAST.items])
    torch.testing.assert_close(shuffled.score(ALL, back), scores(build())[:, order])


def test_the_model_itself_stays(build) -> None:  # type: ignore[no-untyped-def]
    one = build(user="both")
    before = scores(one).clone()
    for modality in modalities(one):
        for how in ("absent", "shuffled"):
            ablate(one, modality, how, torch.Generator())
    assert torch.equal(scores(one), before)
    assert torch.equal(scores(TrainedModel(one.model, one.content)), before)


def test_only_what_the_model_has(build) -> None:  # type: ignore[no-untyped-def]
    assert modalities(build()) == ["vision", "language", "audio", "numbers", "categories", "id"]
    assert modalities(build(item_id=False, categories=False)) == ["vision", "language", "audio", "numbers"]
    with pytest.raises(ValueError, match="no id; it has vision, language, audio, numbers"):
        ablate(build(item_id=False, categories=False), "id", "absent", torch.Generator())
    assert "id" in modalities(build(user="id")), "the items' ids, not the users'"


def test_losses_are_paired_by_user(build) -> None:  # type: ignore[no-untyped-def]
    one, headline, nothing = build(), ["ndcg@2", "recall@2"], Histories(np.zeros(USERS + 1, int), ALL[:0])
    held_out = Histories(np.arange(USERS + 1), np.array([3, 0, 5, 2]))
    popularity, tail = np.bincount(PAST.items, minlength=ITEMS), np.zeros(ITEMS, bool)
    no_vectors = np.zeros((ITEMS, 0), np.float32)
    task = Task(ALL, PAST, held_out, nothing, popularity, tail, no_vectors, np.zeros(USERS, bool), None)

    def evaluated(trained: TrainedModel) -> report.Result:
        return report.evaluate(rank(trained, task, 2).items, task, [2], [accuracy.measure])

    whole = evaluated(one)
    losses = of_inputs(one, whole, task, headline, seed=3)
    assert list(losses) == modalities(one)
    for modality, ways in losses.items():
        assert list(ways) == ["absent", "shuffled"]
        for how, by_metric in ways.items():
            without = evaluated(ablate(one, modality, how, torch.Generator().manual_seed(3)))
            for metric in headline:
                difference = whole.per_user[metric] - without.per_user[metric]
                assert by_metric[metric] == {
                    "value": without.summary[metric],
                    "loss": pytest.approx(difference.mean(), abs=1e-6),
                    "low": None,
                    "high": None,
                }
    assert any(by["ndcg@2"]["loss"] for ways in losses.values() for by in ways.values())
