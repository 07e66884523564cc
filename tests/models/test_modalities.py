"""What models of any number of modalities share."""

import pytest
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models import zoo
from fusionrec.models.contract import ModelData
from fusionrec.models.modalities import Projections, draw, required, shares

from ..catalogue import without
from ..training.conftest import PARAMS
from ..training.conftest import cycle as histories

NAMES = ["vision", "language", "audio"]


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        ({}, [1 / 3, 1 / 3, 1 / 3]),
        ({"vision": 0.1}, [0.1, 0.45, 0.45]),
        ({"vision": 1, "language": 1, "audio": 2}, [0.25, 0.25, 0.5]),
        ({"vision": 3}, [1, 0, 0]),
    ],
)
def test_modalities_without_a_weight_share_the_rest(weights: dict[str, float], expected: list[float]) -> None:
    assert [*shares(weights, NAMES, "w").values()] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"smell": 1}, "w: the items have no smell, only vision"),
        (dict.fromkeys(NAMES, 0.0), "w: all weights are 0"),
    ],
)
def test_weights_that_mean_nothing_are_refused(weights: dict[str, float], words: str) -> None:
    with pytest.raises(UserError, match=words):
        shares(weights, NAMES, "w")


def test_projections_are_drawn_from_the_generator(content: ItemInputs) -> None:
    layers = [Projections(content.modalities, 3) for _ in range(2)]
    assert not any(weights.any() for weights in layers[0].parameters()), "zeros until they are drawn"
    for each in layers:
        draw(each, torch.Generator().manual_seed(1))
    assert [*layers[0]] == [*content.modalities]
    for one, other in zip(layers[0].named_parameters(), layers[1].named_parameters(), strict=True):
        assert one[1].equal(other[1]) and bool(one[1].any()) == one[0].endswith("weight")


@pytest.mark.parametrize("name", ["vbpr", "bm3", "freedom", "mgcn"])
def test_without_any_modality_the_remedy_is_named(content: ItemInputs, name: str) -> None:
    nothing = without(content, "vision", "language")
    with pytest.raises(UserError, match=rf"model\.name: {name} needs vectors of items.*model\.vision"):
        zoo.load(name)(PARAMS.model.own(name), ModelData(nothing, 4, 0, None, histories()))
    assert required(content, name).keys() == content.modalities.keys()
