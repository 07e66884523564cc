"""Scores equal their formulas, of all pairs and of chosen ones."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from fusionrec.models.fusion.heads import Dot, Pointwise
from fusionrec.models.fusion.layers import BatchNorm, Hidden

USERS, ITEMS, DIM = 4, 5, 8
COLUMNS = torch.tensor([[0, 4], [3, 3], [2, 1], [1, 0]])


@pytest.fixture
def inputs() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    draw = torch.Generator().manual_seed(0)
    return (
        torch.randn(USERS, DIM, generator=draw),
        torch.randn(ITEMS, DIM, generator=draw),
        torch.randn(ITEMS, generator=draw),
    )


def build(options, **update: object) -> Pointwise:  # type: ignore[no-untyped-def]
    head = Pointwise(options.model_copy(update=update))
    draw = torch.Generator().manual_seed(3)
    for weight in head.parameters():
        nn.init.normal_(weight, generator=draw)
    return head


def test_dot_is_a_product_and_a_bias(inputs) -> None:  # type: ignore[no-untyped-def]
    users, items, bias = inputs
    scores = Dot()(*inputs)
    for user in range(USERS):
        for item in range(ITEMS):
            expected = sum(a * b for a, b in zip(users[user].tolist(), items[item].tolist(), strict=True))
            assert scores[user, item].item() == pytest.approx(expected + bias[item].item(), abs=1e-5)


@pytest.mark.parametrize("batch_norm", [False, True])
def test_pointwise_is_a_network_on_the_joined_vectors(options, inputs, batch_norm) -> None:  # type: ignore[no-untyped-def]
    users, items, bias = inputs
    head = build(options, batch_norm=batch_norm)
    joined = torch.cat([users[:, None].expand(-1, ITEMS, -1), items.expand(USERS, -1, -1)], 2)
    x = joined @ torch.cat([head.user.weight, head.item.weight], 1).T + head.item.bias
    (layer,) = head.hidden
    assert isinstance(layer, Hidden)

    def norm(x: torch.Tensor) -> torch.Tensor:
        flat = x.flatten(0, 1)
        return F.batch_norm(flat, None, None, training=True).view_as(x) if batch_norm else x

    def affine(x: torch.Tensor, module: BatchNorm | None) -> torch.Tensor:
        return norm(x) if module is None else norm(x) * module.weight + module.bias

    x = F.relu(affine(x, head.nonlinear.norm))
    x = F.relu(affine(x @ layer.linear.weight.T + layer.linear.bias, layer.nonlinear.norm))
    torch.testing.assert_close(head(*inputs), (x @ head.out.weight.T).squeeze(2) + bias)


@pytest.mark.parametrize("dims", [[6], [6, 3], [4, 9, 2]])
def test_chosen_pairs_are_scored_as_all_are(options, inputs, dims) -> None:  # type: ignore[no-untyped-def]
    for head in (Dot(), build(options, fusion_hidden_dims=dims)):
        torch.testing.assert_close(head(*inputs, COLUMNS), head(*inputs).gather(1, COLUMNS))


def test_dropout_only_with_a_generator(options, inputs, generator) -> None:  # type: ignore[no-untyped-def]
    head = build(options)
    assert torch.equal(head(*inputs), head(*inputs))
    assert not torch.equal(head(*inputs, None, generator()), head(*inputs))
    assert torch.equal(head(*inputs, None, generator()), head(*inputs, None, generator()))


def test_gradients_reach_the_items_that_are_scored(options, inputs) -> None:  # type: ignore[no-untyped-def]
    users, items, bias = inputs
    items.requires_grad_()
    for head in (Dot(), build(options, activation="tanh")):
        items.grad = None
        head(users, items, bias, torch.tensor([[0, 2]] * USERS)).square().sum().backward()
        assert items.grad is not None
        assert items.grad.any(1).tolist() == [True, False, True, False, False]
        for name, weight in head.named_parameters():
            assert weight.grad is not None and weight.grad.any(), name


def test_the_first_layer_is_drawn_as_one_matrix(options) -> None:  # type: ignore[no-untyped-def]
    head = Pointwise(options.model_copy(update={"dim": 400, "fusion_hidden_dims": [300]}))
    head.reset(torch.Generator().manual_seed(0))
    for half in (head.user.weight, head.item.weight):
        assert half.var().item() == pytest.approx(2 / (300 + 800), rel=0.03)
