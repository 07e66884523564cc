"""Item vectors: each input reaches them, absent ones do not, some items are encoded as all are."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fusionrec import choices
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models import fusions
from fusionrec.models.fusion.item_encoder import ItemEncoder, Projection
from fusionrec.models.fusion.options import FusionOptions

from ...catalogue import without
from ..conftest import CATEGORY_VALUES, ITEMS

ALL = choices.names(fusions.PACKAGE)
ROWS = [4, 0, 2, 3, 1]  # item 1 has no category, 2 no picture, 3 no text


def build(options: FusionOptions, content: ItemInputs) -> ItemEncoder:
    """With all weights drawn, so that nothing is neutral."""
    encoder = ItemEncoder(options, content, CATEGORY_VALUES)
    draw = torch.Generator().manual_seed(3)
    for weight in encoder.parameters():
        nn.init.normal_(weight, generator=draw)
    return encoder


def projection(encoder: ItemEncoder, name: str) -> Projection:
    found = encoder.modalities[name]
    assert isinstance(found, Projection)
    return found


@pytest.mark.parametrize("fusion", ALL)
@pytest.mark.parametrize("hidden", [0, 7])
@pytest.mark.parametrize("modality", ["vision", "language"])
def test_what_is_absent_has_no_influence(options, with_tokens, fusion, hidden, modality) -> None:  # type: ignore[no-untyped-def]
    update = {"method": fusion, "projection_hidden_dim": hidden, "batch_norm": True}
    encoder = build(options.model_copy(update=update), with_tokens)
    vectors, present, _ = with_tokens.modalities[modality]
    shifted = vectors + torch.where(present, 0.0, 1.0)[:, None]
    before, after = encoder(with_tokens), encoder(with_tokens.with_modality(modality, vectors=shifted))
    assert torch.equal(before, after), "not even through batch norm"
    moved = encoder.eval()(with_tokens.with_modality(modality, vectors=vectors + 1))
    assert torch.equal((moved == encoder(with_tokens)).all(1), ~present)


def test_an_absent_picture_is_a_learned_vector(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options, content)
    encoder(content).sum().backward()
    absent = projection(encoder, "vision").absent
    assert absent is not None and absent.grad is not None
    assert torch.equal(absent.grad, torch.ones(options.dim)), "one item has no picture"


@pytest.mark.parametrize("fusion", ALL)
def test_ids_of_untrained_items_are_unknown(options, content, fusion) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options.model_copy(update={"method": fusion}), content)
    before = encoder(content)
    assert encoder.ids is not None
    with torch.no_grad():
        encoder.ids.weight += 1
    same = (encoder(content) == before).all(1)
    assert torch.equal(same, ~content.trained)


@pytest.mark.parametrize("fusion", ALL)
def test_an_item_whose_id_was_dropped_is_as_one_that_was_never_trained(options, content, fusion) -> None:  # type: ignore[no-untyped-def]
    still = {"content_dropout": 0, "feature_dropout": 0, "attention_dropout": 0, "method": fusion}
    encoder = build(options.model_copy(update=still), content)
    vectors, known = encoder.encode(content, torch.Generator().manual_seed(1))
    assert known[content.trained].any() and not known[content.trained].all()
    assert torch.equal(vectors, encoder(content._replace(trained=known)))


def test_concatenate_is_one_linear_layer_over_the_concatenation(options, content) -> None:  # type: ignore[no-untyped-def]
    here = torch.ones(ITEMS, dtype=torch.bool)
    content = content._replace(trained=here)
    for name in ("vision", "language"):
        content = content.with_modality(name, present=here)
    encoder = build(options, content)
    bags = torch.zeros(ITEMS, CATEGORY_VALUES)
    for item in range(ITEMS):
        for place in range(content.category_offsets[item], content.category_offsets[item + 1]):
            bags[item, content.category_values[place]] += 1
    vectors = (one.vectors for one in content.modalities.values())
    joined = torch.cat([torch.eye(ITEMS), *vectors, content.numbers, bags], 1)
    assert encoder.ids and encoder.numbers and encoder.categories
    projections = (projection(encoder, "vision"), projection(encoder, "language"), encoder.numbers)
    weight = torch.cat(
        [encoder.ids.weight.T, *(p.linear.weight for p in projections), encoder.categories.weight.T], 1
    )
    torch.testing.assert_close(encoder(content), joined @ weight.T)


def test_a_projection_may_have_a_hidden_layer(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options.model_copy(update={"projection_hidden_dim": 7}), content)
    numbers = encoder.numbers
    assert numbers is not None and numbers.hidden is not None
    first = numbers.hidden.linear
    expected = F.relu(content.numbers @ first.weight.T + first.bias) @ numbers.linear.weight.T
    torch.testing.assert_close(numbers(content.numbers), expected)


@pytest.mark.parametrize("fusion", ALL)
@pytest.mark.parametrize("hidden", [0, 7])
def test_some_rows_are_encoded_as_all_are(options, with_tokens, fusion, hidden) -> None:  # type: ignore[no-untyped-def]
    update = {"method": fusion, "projection_hidden_dim": hidden}
    encoder = build(options.model_copy(update=update), with_tokens).eval()
    rows = torch.tensor(ROWS)
    torch.testing.assert_close(encoder(with_tokens, None, rows), encoder(with_tokens)[rows])
    whole = encoder.projected(with_tokens)
    for name, some in encoder.projected(with_tokens, rows).items():
        torch.testing.assert_close(some.vectors, whole[name].vectors[rows])
        assert torch.equal(some.present, whole[name].present[rows])


def test_only_the_rows_asked_for_get_a_gradient(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options, content)
    encoder(content, None, torch.tensor([2, 0])).sum().backward()
    assert encoder.ids is not None and encoder.ids.weight.grad is not None
    assert encoder.ids.weight.grad.any(1).tolist() == [True, False, True, False, False, False]


@pytest.mark.parametrize("fusion", ALL)
def test_every_weight_gets_a_gradient(options, with_tokens, fusion) -> None:  # type: ignore[no-untyped-def]
    update = {"method": fusion, "projection_hidden_dim": 7, "activation": "tanh", "batch_norm": True}
    encoder = build(options.model_copy(update=update), with_tokens)
    encoder(with_tokens).square().sum().backward()
    for name, weight in encoder.named_parameters():
        assert weight.grad is not None and weight.grad.any(), name


def test_cross_modal_reads_tokens_where_the_cache_holds_them(options, with_tokens) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options.model_copy(update={"method": "cross_modal"}), with_tokens)
    before = encoder(with_tokens)
    tokens = with_tokens.modalities["language"].tokens.clone()
    tokens[[1, 2], 0] += 1  # item 2 has no picture that could attend to them
    same = (encoder(with_tokens.with_modality("language", tokens=tokens)) == before).all(1)
    assert same.tolist() == [True, False, True, True, True, True]


def test_the_modalities_of_an_item(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options, content)
    for name, (vectors, present) in encoder.projected(content).items():
        one = content.modalities[name]
        assert torch.equal(present, one.present)
        expected = one.vectors @ projection(encoder, name).linear.weight.T
        torch.testing.assert_close(vectors[present], expected[present])


@pytest.mark.parametrize("fusion", ALL)
def test_shares_are_named_after_the_inputs(options, content, fusion) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options.model_copy(update={"method": fusion}), content)
    shares = encoder.shares(content)
    assert [*shares][:5] == ["id", "vision", "language", "numbers", "categories"]
    assert encoder.shares(content, torch.arange(ITEMS)) == pytest.approx(shares)
    assert encoder.shares(content, torch.tensor([2])) != pytest.approx(shares)


@pytest.mark.parametrize("switch", ["item_id", "categories", "numbers"])
def test_inputs_can_be_switched_off(options, content, switch) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options.model_copy(update={switch: False}), content)
    assert len(encoder.fusion.names) == 4 and switch.removeprefix("item_") not in encoder.fusion.names
    assert encoder(content).shape == (ITEMS, options.dim)


def test_a_modality_may_be_off(options, content) -> None:  # type: ignore[no-untyped-def]
    bare = without(content, "vision")
    encoder = build(options, bare)
    assert "vision" not in encoder.modalities and len(encoder.fusion.names) == 4
    assert encoder(bare).shape == (ITEMS, options.dim)


def test_an_item_needs_some_input(options, content) -> None:  # type: ignore[no-untyped-def]
    bare = without(content, "vision", "language")
    off = options.model_copy(update={"item_id": False, "categories": False, "numbers": False})
    with pytest.raises(UserError, match="switched off"):
        ItemEncoder(off, bare, CATEGORY_VALUES)
    nothing = off.model_copy(update={"categories": True})
    with pytest.raises(UserError, match="the data has none"):
        ItemEncoder(nothing, bare, 0)


@pytest.mark.parametrize("modality", ["vision", "language"])
def test_cross_modal_needs_two(options, content, modality) -> None:  # type: ignore[no-untyped-def]
    bare = without(content, modality)
    with pytest.raises(
        UserError, match=rf"model\.fusion\.method: cross_modal needs 2 modalities.*model\.{modality}"
    ):
        build(options.model_copy(update={"method": "cross_modal"}), bare)


@pytest.mark.parametrize("fusion", ALL)
def test_dropout_only_with_a_generator(options, content, generator, fusion) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options.model_copy(update={"method": fusion}), content)
    assert torch.equal(encoder(content), encoder(content))
    assert not torch.equal(encoder(content, generator()), encoder(content))
    assert torch.equal(encoder(content, generator()), encoder(content, generator()))


@pytest.mark.parametrize("rate", ["id_dropout", "content_dropout", "feature_dropout", "dropout"])
def test_each_dropout_acts(options, content, generator, rate) -> None:  # type: ignore[no-untyped-def]
    rates = dict.fromkeys(["id_dropout", "content_dropout", "feature_dropout", "dropout"], 0.0)
    still = options.model_copy(update=rates | {"projection_hidden_dim": 20})
    encoder = build(still, content)
    assert torch.equal(encoder(content, generator()), encoder(content))
    drops = build(still.model_copy(update={rate: 0.5}), content)
    assert not torch.equal(drops(content, generator()), drops(content))


def test_initial_weights_follow_the_parameters(options, content) -> None:  # type: ignore[no-untyped-def]
    def fresh(**update: object) -> ItemEncoder:
        encoder = ItemEncoder(options.model_copy(update=update), content, CATEGORY_VALUES)
        encoder.reset(torch.Generator().manual_seed(0))
        return encoder

    small, large = fresh(projection_gain=0.1), fresh(projection_gain=1)
    assert small.ids and large.ids
    weights = [projection(encoder, "vision").linear.weight for encoder in (small, large)]
    torch.testing.assert_close(weights[0] * 10, weights[1])
    assert torch.equal(small.ids.weight, large.ids.weight)
    assert small.ids.weight.std().item() == pytest.approx(0.1, rel=0.3)


def test_a_part_is_present_where_the_item_has_it(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options, content)
    parts, present = encoder.parts(content, content.trained)
    bags = content.category_offsets.diff() > 0
    has = [one.present for one in content.modalities.values()]
    expected = [content.trained, *has, torch.ones(6).bool(), bags]
    assert torch.equal(present, torch.stack(expected, 1))
    for column in (0, 4):
        assert torch.equal(parts[:, column].any(1), present[:, column]), (
            "unknown ids and no categories are zero"
        )


def test_dropped_categories_are_absent(options, content) -> None:  # type: ignore[no-untyped-def]
    encoder, bags, kept = build(options, content), content.category_offsets.diff() > 0, 0
    for seed in range(10):
        parts, present = encoder.parts(content, content.trained, torch.Generator().manual_seed(seed))
        assert torch.equal(parts[:, 4].any(1), present[:, 4]) and not present[~bags, 4].any()
        kept += int(present[:, 4].sum())
    assert 0 < kept < 10 * bags.sum()


def test_a_token_that_an_item_lacks_is_not_attended_to(options, with_tokens) -> None:  # type: ignore[no-untyped-def]
    encoder = build(options.model_copy(update={"method": "cross_modal"}), with_tokens)
    padded = torch.cat([with_tokens.modalities["language"].tokens, torch.zeros(ITEMS, 3, 4)], 1)
    torch.testing.assert_close(
        encoder(with_tokens.with_modality("language", tokens=padded)),
        encoder(with_tokens),
        atol=1e-5,
        rtol=1e-4,
    )
