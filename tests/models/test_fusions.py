"""Fusions: what is absent is not read, order does not matter where it must not, all start from the sum."""

from itertools import permutations

import pytest
import torch
from torch import nn

from fusionrec import choices
from fusionrec.models import fusions
from fusionrec.models.fusion.attention import Attention, Tokens
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.fusions import Fusion, attention, cross_modal, gated

NAMES = ["id", "vision", "language", "numbers"]
ALL = choices.names(fusions.PACKAGE)


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def build(options: FusionOptions, fusion: str) -> Fusion:
    """With all weights drawn, so that nothing is neutral."""
    built = fusions.load(fusion)(options, NAMES)
    generator = draws(3)
    for weight in built.parameters():
        nn.init.normal_(weight, generator=generator)
    return built


@pytest.fixture
def parts() -> torch.Tensor:
    return torch.randn(5, len(NAMES), 8, generator=draws(1))


PRESENT = torch.tensor(
    [[1, 1, 1, 1], [0, 1, 1, 1], [1, 0, 1, 1], [1, 1, 0, 0], [0, 0, 0, 0]], dtype=torch.bool
)


@pytest.mark.parametrize("fusion", ALL)
@pytest.mark.parametrize("hidden", range(len(NAMES)))
def test_an_absent_part_enters_the_sum_and_nothing_else(options, parts, fusion, hidden) -> None:  # type: ignore[no-untyped-def]
    built = build(options, fusion)
    present = PRESENT.clone()
    present[:, hidden] = False
    changed = parts.clone()
    changed[:, hidden] += torch.randn(5, 8, generator=draws(2)) * 10
    moved = built(changed, present) - built(parts, present)
    torch.testing.assert_close(moved, changed[:, hidden] - parts[:, hidden], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("fusion", ["gated", "attention", "cross_modal"])
def test_a_present_part_reaches_further_than_the_sum(options, parts, fusion) -> None:  # type: ignore[no-untyped-def]
    built = build(options, fusion)
    changed = parts.clone()
    changed[0, 1] += 1
    moved = (built(changed, PRESENT) - built(parts, PRESENT))[0]
    assert (moved - 1).abs().max() > 0.01


@pytest.mark.parametrize("fusion", ALL)
def test_nothing_present_is_the_plain_sum(options, parts, fusion) -> None:  # type: ignore[no-untyped-def]
    nothing = torch.zeros_like(PRESENT)
    torch.testing.assert_close(build(options, fusion)(parts, nothing), parts.sum(1))


@pytest.mark.parametrize("fusion", ALL)
def test_training_starts_from_the_plain_sum(options, parts, fusion) -> None:  # type: ignore[no-untyped-def]
    built = build(options, fusion)
    built.reset(draws())
    torch.testing.assert_close(built(parts, PRESENT), parts.sum(1))


@pytest.mark.parametrize("fusion", ALL)
def test_without_strength_a_fusion_is_the_plain_sum(options, parts, fusion) -> None:  # type: ignore[no-untyped-def]
    built = build(options.model_copy(update={"fusion_weight": 0}), fusion)
    torch.testing.assert_close(built(parts, PRESENT), parts.sum(1))


@pytest.mark.parametrize("fusion", ["concatenate", "attention"])
@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_the_order_of_the_parts_does_not_matter(options, parts, fusion, order) -> None:  # type: ignore[no-untyped-def]
    built = build(options, fusion)
    place = list(order)
    torch.testing.assert_close(
        built(parts[:, place], PRESENT[:, place]), built(parts, PRESENT), atol=1e-5, rtol=1e-4
    )


@pytest.mark.parametrize("order", [*permutations(range(4))])
def test_cross_modal_goes_by_name_not_by_place(options, parts, order) -> None:  # type: ignore[no-untyped-def]
    place = list(order)
    built, other = build(options, "cross_modal"), cross_modal.Method(options, [NAMES[i] for i in place])
    other.load_state_dict(built.state_dict())
    torch.testing.assert_close(
        other(parts[:, place], PRESENT[:, place]), built(parts, PRESENT), atol=1e-5, rtol=1e-4
    )


def test_gates_equal_the_formula(options, parts) -> None:  # type: ignore[no-untyped-def]
    built = build(options, "gated")
    assert isinstance(built, gated.Method)
    known = parts * PRESENT[:, :, None]
    logits = known.flatten(1) @ built.gate.weight.T + built.gate.bias
    gates = torch.where(PRESENT, 1 + 0.7 * (2 / (1 + (-logits).exp()) - 1), 1.0)
    torch.testing.assert_close(built(parts, PRESENT), (parts * gates[:, :, None]).sum(1))
    shares = built.shares(parts, PRESENT)
    for column, name in enumerate(NAMES):
        assert shares[name] == pytest.approx(gates[PRESENT[:, column], column].mean().item(), rel=1e-5)


def test_attention_equals_torchs(options, parts) -> None:  # type: ignore[no-untyped-def]
    """Against `nn.MultiheadAttention` with the same weights."""
    ours = Attention(options)
    ours.reset(draws())
    nn.init.normal_(ours.out.weight, generator=draws(1))
    theirs = nn.MultiheadAttention(8, 2, bias=False, batch_first=True)
    with torch.no_grad():
        theirs.in_proj_weight.copy_(torch.cat([ours.query.weight, ours.key.weight, ours.value.weight]))
        theirs.out_proj.weight.copy_(ours.out.weight)
    rows, queries = slice(0, 4), torch.randn(4, 2, 8, generator=draws(4))
    expected, weights = theirs(queries, parts[rows], parts[rows], key_padding_mask=~PRESENT[rows])
    torch.testing.assert_close(ours(queries, Tokens(parts[rows], PRESENT[rows])), expected)
    torch.testing.assert_close(ours.weights(queries, Tokens(parts[rows], PRESENT[rows])).mean(1), weights)


def test_attention_sums_what_the_present_parts_attend_to(options, parts) -> None:  # type: ignore[no-untyped-def]
    built = build(options, "attention")
    assert isinstance(built, attention.Method)
    tokens = Tokens(parts[1:2], PRESENT[1:2])
    attended = built.attention(parts[1:2], tokens)[0, 1:]  # the id is absent
    expected = parts[1].sum(0) + 0.7 * attended.sum(0)
    torch.testing.assert_close(built(parts, PRESENT)[1], expected, atol=1e-4, rtol=1e-4)


def test_attention_dropout_only_with_a_generator(options, parts) -> None:  # type: ignore[no-untyped-def]
    for fusion in ("attention", "cross_modal"):
        built = build(options, fusion)
        assert torch.equal(built(parts, PRESENT), built(parts, PRESENT))
        assert not torch.equal(built(parts, PRESENT, draws()), built(parts, PRESENT))
        assert torch.equal(built(parts, PRESENT, draws()), built(parts, PRESENT, draws()))
        still = build(options.model_copy(update={"attention_dropout": 0}), fusion)
        assert torch.equal(still(parts, PRESENT, draws()), still(parts, PRESENT))


def test_cross_modal_over_pooled_vectors_is_one_linear_map_of_each(options, parts) -> None:  # type: ignore[no-untyped-def]
    built = build(options, "cross_modal")
    assert isinstance(built, cross_modal.Method)
    both = (PRESENT[:, 1] & PRESENT[:, 2])[:, None]
    maps = {}
    for name, layer in built.attention.items():
        assert isinstance(layer, Attention)
        maps[name] = layer.value.weight.T @ layer.out.weight.T
    from_language, from_vision = parts[:, 2] @ maps["vision"], parts[:, 1] @ maps["language"]
    expected = parts.sum(1) + 0.7 * both * (from_language + from_vision)
    torch.testing.assert_close(built(parts, PRESENT), expected, atol=1e-4, rtol=1e-4)


def test_cross_modal_of_three_is_one_linear_map_for_each_other_one(options) -> None:  # type: ignore[no-untyped-def]
    names = ["id", "vision", "language", "audio"]
    built = cross_modal.Method(options, names)
    for weight in built.parameters():
        nn.init.normal_(weight, generator=draws(3))
    parts, expected = torch.randn(5, 4, 8, generator=draws(1)), torch.zeros(5, 8)
    for one, other in permutations(range(1, 4), 2):
        layer = built.attention[names[one]]
        assert isinstance(layer, Attention)
        both = (PRESENT[:, one] & PRESENT[:, other])[:, None]
        expected += 0.7 * both * (parts[:, other] @ layer.value.weight.T @ layer.out.weight.T)
    torch.testing.assert_close(built(parts, PRESENT), parts.sum(1) + expected, atol=1e-4, rtol=1e-4)
    assert {"audio_from_vision", "language_from_audio"} <= built.shares(parts, PRESENT).keys()


def test_cross_modal_attends_to_tokens_and_skips_missing_ones(options, parts) -> None:  # type: ignore[no-untyped-def]
    built = build(options, "cross_modal")
    assert isinstance(built, cross_modal.Method)
    vision, language = torch.randn(2, 5, 3, 8, generator=draws(7))
    there = torch.ones(5, 3, dtype=torch.bool)
    there[0, 2] = False
    before = built(
        parts, PRESENT, None, {"vision": Tokens(vision, there), "language": Tokens(language, there)}
    )
    for tokens in (vision, language):
        tokens[0, 2] += 5  # not there
        tokens[2:] += 5  # items that lack one of both
    after = built(
        parts, PRESENT, None, {"vision": Tokens(vision, there), "language": Tokens(language, there)}
    )
    torch.testing.assert_close(after, before)
    vision[0, 1] += 5
    assert (
        built(parts, PRESENT, None, {"vision": Tokens(vision, there), "language": Tokens(language, there)})
        != before
    )[0].any()
    order = [2, 0, 1]
    turned = Tokens(vision[:, order], there[:, order])
    torch.testing.assert_close(
        built(parts, PRESENT, None, {"vision": turned, "language": Tokens(language, there)}),
        built(parts, PRESENT, None, {"vision": Tokens(vision, there), "language": Tokens(language, there)}),
        atol=1e-5,
        rtol=1e-4,
    )


@pytest.mark.parametrize("fusion", ["concatenate", "attention", "cross_modal"])
def test_shares_add_up_to_one_and_follow_the_parts(options, parts, fusion) -> None:  # type: ignore[no-untyped-def]
    shares = build(options, fusion).shares(parts[:4], PRESENT[:4])
    assert [*shares][:4] == NAMES
    assert sum(shares.values()) == pytest.approx(1, abs=1e-5)
    assert all(share > 0 for share in shares.values())


def test_concatenate_shares_are_those_of_the_norms(options) -> None:  # type: ignore[no-untyped-def]
    parts = torch.zeros(2, 4, 8)
    parts[0, 0, 0], parts[0, 1, 3], parts[1, 1, 0] = 3, -1, 5
    shares = build(options, "concatenate").shares(parts, PRESENT[:2])
    assert shares == pytest.approx({"id": 3 / 8, "vision": 5 / 8, "language": 0, "numbers": 0})


def test_absent_parts_receive_no_attention(options, parts) -> None:  # type: ignore[no-untyped-def]
    shares = build(options, "attention").shares(parts[3:4], PRESENT[3:4])
    assert shares["language"] == shares["numbers"] == 0 and shares["id"] > 0


@pytest.mark.parametrize("fusion", ["gated", "attention", "cross_modal"])
def test_every_weight_gets_a_gradient(options, parts, fusion) -> None:  # type: ignore[no-untyped-def]
    built = build(options, fusion)
    tokens = Tokens(torch.randn(5, 3, 8, generator=draws(7)), torch.ones(5, 3, dtype=torch.bool))
    extra = (None, {"vision": tokens, "language": tokens}) if fusion == "cross_modal" else ()
    built(parts, PRESENT, *extra).square().sum().backward()
    for name, weight in built.named_parameters():
        assert weight.grad is not None and weight.grad.any(), name


@pytest.mark.parametrize("fusion", ["gated", "attention"])
def test_no_gradient_reaches_an_absent_part_but_through_the_sum(options, parts, fusion) -> None:  # type: ignore[no-untyped-def]
    parts.requires_grad_()
    build(options, fusion)(parts, PRESENT).sum().backward()
    assert torch.equal(parts.grad[~PRESENT], torch.ones_like(parts.grad[~PRESENT]))
    assert not torch.equal(parts.grad[PRESENT], torch.ones_like(parts.grad[PRESENT]))
