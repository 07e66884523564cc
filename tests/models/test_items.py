"""Item vectors: each input reaches them, absent ones do not, fusions do what they say."""

import pytest
import torch
from torch import nn

from fusionrec import params
from fusionrec.data.content import Content
from fusionrec.models.items import ItemEncoder

from .conftest import CATEGORY_VALUES


def build(options: params.Model, content: Content) -> ItemEncoder:
    encoder = ItemEncoder(options, content, CATEGORY_VALUES)
    draw = torch.Generator().manual_seed(3)
    for weight in encoder.parameters():
        nn.init.normal_(weight, generator=draw)
    return encoder


@pytest.mark.parametrize("fusion", ["concatenate", "gated"])
@pytest.mark.parametrize("modality", ["vision", "language"])
def test_what_is_absent_has_no_influence(options, content, fusion, modality) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options.model_copy(update={"fusion": fusion}), content)
    changed = content._replace(**{modality: getattr(content, modality) + 1})
    present = getattr(content, modality + "_present")
    same = (encoder(content) == encoder(changed)).all(1)
    assert torch.equal(same, ~present)


def test_an_absent_picture_is_a_learned_vector(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options, content)
    encoder(content).sum().backward()
    assert encoder.vision is not None and encoder.vision.absent.grad is not None
    assert torch.equal(encoder.vision.absent.grad, torch.ones(options.dim)), "one item has no picture"


def test_ids_of_untrained_items_are_unknown(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options, content)
    before = encoder(content)
    assert encoder.ids is not None
    with torch.no_grad():
        encoder.ids.weight += 1
    same = (encoder(content) == before).all(1)
    assert torch.equal(same, ~content.trained)


def test_concatenate_is_one_linear_layer_over_the_concatenation(options, content) -> None:  # type: ignore[no-untyped-def]
    content = content._replace(
        vision_present=torch.ones(6, dtype=torch.bool), language_present=torch.ones(6, dtype=torch.bool)
    )
    encoder = build(options.model_copy(update={"item_id": False}), content)
    bags = torch.zeros(6, CATEGORY_VALUES)
    for item in range(6):
        for value in content.category_values[
            content.category_offsets[item] : content.category_offsets[item + 1]
        ]:
            bags[item, value] += 1
    joined = torch.cat([content.vision, content.language, content.numbers, bags], 1)
    assert encoder.vision and encoder.language and encoder.numbers and encoder.categories
    weight = torch.cat(
        [encoder.vision.linear.weight, encoder.language.linear.weight, encoder.numbers.weight,
         encoder.categories.weight.T], 1
    )  # fmt: skip
    torch.testing.assert_close(encoder(content), joined @ weight.T)


def test_gates_weigh_the_parts(options, content) -> None:  # type: ignore[no-untyped-def]
    gated = build(options.model_copy(update={"fusion": "gated"}), content)
    parts = torch.stack(gated.parts(content), 1)
    assert gated.gate is not None
    weights = 2 * torch.sigmoid(gated.gate(parts.flatten(1)))
    expected = sum(parts[:, i] * weights[:, i : i + 1] for i in range(5))
    torch.testing.assert_close(gated(content), expected)
    nn.init.zeros_(gated.gate.weight)
    nn.init.zeros_(gated.gate.bias)
    torch.testing.assert_close(gated(content), parts.sum(1)), "closed to neither side at the start"


@pytest.mark.parametrize("switch", ["item_id", "categories", "numbers"])
def test_inputs_can_be_switched_off(options, content, switch) -> None:  # type: ignore[no-untyped-def]
    assert len(build(options.model_copy(update={switch: False}), content).parts(content)) == 4


def test_a_modality_without_width_is_off(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options, content._replace(vision=torch.zeros(6, 0)))
    assert encoder.vision is None and len(encoder.parts(content)) == 4


def test_dropout_only_with_a_generator(options, content, generator) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options, content)
    assert torch.equal(encoder(content), encoder(content))
    assert not torch.equal(encoder(content, generator()), encoder(content))
    assert torch.equal(encoder(content, generator()), encoder(content, generator()))
