"""Dropout, initial weights, batch norm and hidden layers, against torch's own and against formulas."""

import math

import pytest
import torch
import torch.nn.functional as F

from fusionrec.models.fusion.layers import ACTIVATIONS, BatchNorm, Hidden, draw, drop, keep_rows

INITS = ["xavier_uniform", "xavier_normal", "kaiming_uniform", "kaiming_normal"]


def draws(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_without_a_generator_nothing_is_dropped() -> None:
    x, present = torch.ones(3, 2), torch.ones(3, dtype=torch.bool)
    assert drop(x, 0.9, None) is x and keep_rows(present, 0.9, None) is present


def test_drop_keeps_the_mean_and_the_share() -> None:
    x = drop(torch.ones(100, 1000), 0.25, draws())
    assert set(x.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert abs((x == 0).float().mean().item() - 0.25) < 0.01


def test_keep_rows_takes_its_share_of_those_that_are_present() -> None:
    present = torch.arange(20_000) % 2 == 0
    kept = keep_rows(present, 0.25, draws())
    assert not kept[~present].any()
    assert abs(kept[present].float().mean().item() - 0.75) < 0.02


@pytest.mark.parametrize("scheme", INITS)
def test_initial_weights_have_the_variance_of_their_scheme(scheme: str) -> None:
    weight = torch.empty(600, 200)
    draw(weight, scheme, 0.5, draws())
    expected = 2 / 800 if scheme.startswith("xavier") else 2 / 200
    assert weight.var().item() == pytest.approx(0.25 * expected, rel=0.02)
    bounded = weight.abs().max() <= 0.5 * math.sqrt(3 * expected) * 1.0001
    assert bounded == scheme.endswith("uniform")


def test_initial_weights_differ_by_scheme_and_repeat_by_seed() -> None:
    drawn = {}
    for scheme in INITS:
        first, second = torch.empty(5, 3), torch.empty(5, 3)
        draw(first, scheme, 1, draws())
        draw(second, scheme, 1, draws())
        assert torch.equal(first, second)
        drawn[scheme] = tuple(first.flatten().tolist())
    assert len({*drawn.values()}) == len(INITS)


def test_batch_norm_is_torchs_in_train_mode_and_moves_to_its_statistics() -> None:
    norm, x = BatchNorm(4), torch.randn(50, 4, generator=draws()) * 3 + 2
    torch.testing.assert_close(norm(x), F.batch_norm(x, None, None, training=True))
    for _ in range(200):
        norm(x)
    torch.testing.assert_close(norm.mean, x.mean(0))
    torch.testing.assert_close(norm.variance, x.var(0, correction=0))
    torch.testing.assert_close(norm.eval()(x[:1]), (x[:1] - x.mean(0)) / x.var(0, correction=0).sqrt())


def test_batch_norm_in_eval_mode_learns_nothing() -> None:
    norm = BatchNorm(2).eval()
    norm(torch.full((3, 2), 9.0))
    assert norm.mean.tolist() == [0, 0] and norm.variance.tolist() == [1, 1]


def test_rows_that_are_not_present_leave_batch_norm_alone() -> None:
    x, present = torch.randn(6, 3, generator=draws()), torch.tensor([1, 1, 0, 1, 0, 1]).bool()
    one, other, few = BatchNorm(3), BatchNorm(3), BatchNorm(3)
    changed = torch.where(present[:, None], x, 100.0)
    torch.testing.assert_close(one(x, present)[present], few(x[present]))
    assert torch.equal(one(x, present)[present], other(changed, present)[present])
    none = BatchNorm(3)
    assert none(x, torch.zeros(6, dtype=torch.bool)).isfinite().all()
    assert none.mean.tolist() == [0] * 3 and none.variance.tolist() == [1] * 3


@pytest.mark.parametrize("name", [*ACTIVATIONS])
def test_a_hidden_layer_is_its_formula(options, name: str) -> None:  # type: ignore[no-untyped-def]
    layer = Hidden(3, 4, options.model_copy(update={"activation": name, "batch_norm": True}))
    layer.reset(draws())
    x = torch.randn(7, 3, generator=draws(1))
    normal = F.batch_norm(x @ layer.linear.weight.T + layer.linear.bias, None, None, training=True)
    activation = getattr(torch, name, None) or getattr(F, name)
    torch.testing.assert_close(layer(x), activation(normal))
    dropped = layer(x, draws(2))
    torch.testing.assert_close(dropped, drop(activation(normal), options.dropout, draws(2)))
