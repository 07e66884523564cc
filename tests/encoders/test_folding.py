"""A network whose batch norm is folded gives the same results, without the batch norm."""

from typing import Any

import pytest
import timm
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from fusionrec.encoders import folding, onednn

X = torch.linspace(-1, 1, 2 * 3 * 9 * 9).view(2, 3, 9, 9)


def drawn(model: nn.Module) -> nn.Module:
    """Random statistics, scales and shifts of every batch norm."""
    draw = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor in (module.weight, module.running_var):
                assert tensor is not None
                tensor.data = 0.5 + torch.rand(tensor.shape, generator=draw)
            for tensor in (module.bias, module.running_mean):
                assert tensor is not None
                tensor.data = torch.randn(tensor.shape, generator=draw)
    return model.eval().requires_grad_(False)


def norms(model: nn.Module) -> list[nn.Module]:
    return [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]


def small(act: type[nn.Module] = nn.ReLU6) -> nn.Sequential:
    torch.manual_seed(1)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Conv2d(4, 5, 1, bias=False),
        BatchNormAct2d(5, act_layer=act),
    )


@pytest.mark.parametrize("routed", [False, True])
@pytest.mark.parametrize("act", [nn.ReLU, nn.ReLU6, nn.SiLU])
def test_a_small_network(routed: bool, act: type[nn.Module]) -> None:
    model = drawn(small(act))
    if routed:
        onednn.route(model)
    wanted = model(X)
    folding.fold(model, lambda: model(X))
    assert not norms(model)
    torch.testing.assert_close(model(X), wanted, rtol=1e-4, atol=1e-5)


def test_by_hand() -> None:
    conv, norm = nn.Conv2d(1, 1, 1), nn.BatchNorm2d(1, eps=0)
    for tensor, value in ((conv.weight, 3), (conv.bias, 1), (norm.weight, 2), (norm.bias, 5)):
        assert tensor is not None
        nn.init.constant_(tensor, value)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.fill_(7), norm.running_var.fill_(16)
    model = nn.Sequential(conv, norm).eval()
    x = torch.full((1, 1, 1, 1), 4.0)
    folding.fold(model, lambda: model(x))
    assert conv.weight.item() == 1.5, "3 * 2 / 4"
    assert conv.bias is not None
    assert conv.bias.item() == 2, "(1 - 7) * 2 / 4 + 5"
    assert model(x).item() == 8


class Reused(nn.Module):
    """The result of the convolution is used beside its batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm = nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        return y + self.norm(y)


@pytest.mark.parametrize("routed", [False, True])
def test_nothing_changes_where_a_result_is_used_elsewhere_too(routed: bool) -> None:
    model = drawn(Reused())
    if routed:
        onednn.route(model)
    wanted = model(X)
    folding.fold(model, lambda: model(X))
    assert len(norms(model)) == 1
    assert torch.equal(model(X), wanted)


def test_a_layer_that_is_called_twice_stays() -> None:
    conv, norm = nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)
    model = drawn(nn.Sequential(conv, norm, conv, norm))
    wanted = model(X)
    folding.fold(model, lambda: model(X))
    assert torch.equal(model(X), wanted)


def test_the_default_encoder_of_pictures_has_none_left() -> None:
    model: Any = drawn(timm.create_model("tf_efficientnet_lite0", pretrained=False, num_classes=0))
    onednn.route(model)
    x = torch.randn(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    wanted = model(x)
    folding.fold(model, lambda: model(x))
    assert not norms(model)
    torch.testing.assert_close(model(x), wanted, rtol=1e-3, atol=1e-3 * wanted.abs().max().item())
