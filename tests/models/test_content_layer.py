"""The layer of contents by hand."""

import pytest
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.content_layer import ContentLayer

from ..catalogue import without
from .conftest import CATEGORY_VALUES


def built(content: ItemInputs) -> ContentLayer:
    layer = ContentLayer(content, CATEGORY_VALUES, 3, "ours")
    layer.reset(torch.Generator().manual_seed(1))
    with torch.no_grad():
        layer.absent["vision"].fill_(7)
        layer.bias.fill_(1)
    return layer


def test_it_is_the_sum_of_linear_maps(content: ItemInputs) -> None:
    layer = built(content)
    weights = dict(layer.named_parameters())
    expected = torch.ones(3)
    for name, one in content.modalities.items():
        expected = expected + one.vectors[0] @ weights[f"modalities.{name}.weight"].T
    expected = expected + content.numbers[0] @ weights["numbers.weight"].T
    expected = expected + weights["categories"][0] + weights["categories"][2]
    torch.testing.assert_close(layer(content)[0], expected)


def test_a_missing_modality_is_a_learned_vector(content: ItemInputs) -> None:
    layer = built(content)
    other = content.with_modality("vision", vectors=content.modalities["vision"].vectors + 1)
    assert torch.equal(layer(other)[2], layer(content)[2]), "item 2 has no picture"
    with torch.no_grad():
        layer.absent["vision"].zero_()
    torch.testing.assert_close(built(content)(content)[2], layer(content)[2] + 7)


def test_it_says_what_it_reads(content: ItemInputs) -> None:
    assert built(content).inputs() == ["vision", "language", "numbers", "categories"]
    bare = without(content, "vision", "language")
    assert ContentLayer(bare, 0, 3, "ours").inputs() == ["numbers"]
    with pytest.raises(UserError, match=r"ours reads the contents of items.*model.vision"):
        ContentLayer(bare._replace(numbers=torch.zeros(6, 0)), 0, 3, "ours")
