"""Items without a train interaction: tower and regression in one inner product."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import ModelData
from fusionrec.models.fusion.new_items import Regression
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.fusion.smoothing import Smoothing
from fusionrec.models.trainable import Judge
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.zoo.fusion import FusionModel
from fusionrec.recommend import vectors

from ..conftest import CATEGORY_VALUES, ITEMS, USERS

NEW = ITEMS - 1  # the item of the fixture without a train interaction
REGRESSION = Regression(
    weights={"numbers": 1.0}, bandwidth=1.0, l2=0.4, popularity=0.3, dim=3, anchors=9,
    smoothing=Smoothing(l2=5, own=0.1, max_items=9, rank=2),
)  # fmt: skip
CHOICES = pd.DataFrame({"user": [0, 0, 1, 1, 2, 2, 3], "item": [0, 1, 1, 2, 3, 4, 0], "timestamp": range(7)})
ALL = np.arange(USERS)


def completed(
    options: FusionOptions, content: ItemInputs, judge: Judge = lambda trained: 0.0, **changes: Any
) -> FusionModel:
    """A model that is trained not at all, but completed; without a preference the tower's scores stay."""
    changed = options.model_copy(update={"new_items": "both", "regression": REGRESSION} | changes)
    model = FusionModel(changed, ModelData(content, USERS, CATEGORY_VALUES))
    model.reset(torch.Generator().manual_seed(1))
    assert model.complete(content, Histories.of(CHOICES, USERS), judge) == (model.new_items is not None)
    return model


def prefers_regression(trained: TrainedModel) -> float:
    model = trained.model
    assert isinstance(model, FusionModel)
    return float(model.calibration[2] != 0)


def scores(model: FusionModel, content: ItemInputs) -> torch.Tensor:
    return TrainedModel(model, content).score(ALL, Histories.of(CHOICES, USERS))


def test_longer_vectors_are_the_sum_of_both_scores(options: FusionOptions, content: ItemInputs) -> None:
    model, tower = completed(options, content, prefers_regression), completed(options, content)
    assert model.new_items is not None and tower.calibration.tolist() == [0, 1, 0]
    found, plain = scores(model, content), scores(tower, content)
    torch.testing.assert_close(found[:, :NEW], plain[:, :NEW])
    constant, share, weight = model.calibration.float()
    users = model.new_items.users(ALL, Histories.of(CHOICES, USERS))
    predicted = users @ model.new_items.vectors(content.take(torch.tensor([NEW])))[0]
    torch.testing.assert_close(found[:, NEW], constant + share * plain[:, NEW] + weight * predicted)


def test_an_item_of_the_catalogue_scores_as_one_that_comes_later(
    options: FusionOptions, content: ItemInputs
) -> None:
    model = TrainedModel(completed(options, content, prefers_regression), content)
    later = model.among(content.take(torch.tensor([NEW, 0])))
    past = Histories.of(CHOICES, USERS)
    torch.testing.assert_close(later.score(ALL, past)[:, 0], model.score(ALL, past)[:, NEW])
    assert model.model.similarity_vectors(model.towers).shape == (ITEMS, options.dim)


def test_exploration_is_added_to_the_scores_of_new_items(options: FusionOptions, content: ItemInputs) -> None:
    plain, bold = (
        scores(completed(options, content, prefers_regression, exploration=bonus), content)
        for bonus in (0.0, 2.5)
    )
    expected = torch.zeros(ITEMS)
    expected[NEW] = 2.5
    torch.testing.assert_close(bold - plain, expected.expand(USERS, ITEMS))


@pytest.mark.parametrize("changes", [{"head": "mlp"}, {"new_items": "tower"}])
def test_without_the_regression_there_is_nothing_to_complete(
    options: FusionOptions, content: ItemInputs, changes: dict[str, Any]
) -> None:
    assert completed(options, content, **changes).new_items is None


def test_exported_vectors_give_the_scores(options: FusionOptions, content: ItemInputs) -> None:
    model = TrainedModel(completed(options, content, prefers_regression, exploration=0.5), content)
    past = Histories.of(CHOICES, USERS)
    found = vectors.user_vectors(model, ALL, past) @ vectors.item_vectors(model).T
    np.testing.assert_allclose(found, model.score(ALL, past), atol=1e-5)


def test_nothing_is_fitted_on_new_items(options: FusionOptions, content: ItemInputs) -> None:
    """Other contents of an item that nobody chose in train: the same weights, the same scores of all others."""
    vision = content.modalities["vision"]
    other = vision._replace(vectors=vision.vectors.index_fill(0, torch.tensor([NEW]), 7.0))
    changed = content._replace(modalities=content.modalities | {"vision": other})
    weights, others = (completed(options, each, prefers_regression) for each in (content, changed))
    for name, tensor in weights.state_dict().items():
        assert tensor.equal(others.state_dict()[name]), name
    before, after = scores(weights, content), scores(others, changed)
    assert before[:, :NEW].equal(after[:, :NEW]) and not before[:, NEW].equal(after[:, NEW])
