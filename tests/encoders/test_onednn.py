"""Layers through oneDNN give the results of torch's own."""

import torch
from torch import nn

from fusionrec.encoders import onednn


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Linear(6, 5), nn.Sequential(nn.ReLU(), nn.Linear(5, 3, bias=False))
        ).requires_grad_(False)


def convolutions() -> nn.Sequential:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Conv2d(3, 8, 3, stride=2, padding=1),
            nn.Conv2d(8, 8, 3, groups=8, bias=False),
            nn.Conv2d(8, 4, 1, bias=False),
            nn.Conv2d(4, 4, 3, dilation=2, padding=2),
        ).requires_grad_(False)


def test_linear_layers_have_the_same_values() -> None:
    x = torch.linspace(-1, 1, 2 * 4 * 6).view(2, 4, 6)
    routed = onednn.route(network())
    assert all(type(module) is not nn.Linear for module in routed.modules())
    torch.testing.assert_close(routed(x.transpose(0, 1)), network()(x.transpose(0, 1)))


def test_convolutions_have_the_same_values_in_both_layouts() -> None:
    x = torch.linspace(-1, 1, 2 * 3 * 12 * 10).view(2, 3, 12, 10)
    routed = onednn.route(convolutions())
    assert all(isinstance(module, onednn.OneDnnConv2d) for module in routed.children())
    for layout in (torch.contiguous_format, torch.channels_last):
        torch.testing.assert_close(
            routed.to(memory_format=layout)(x.to(memory_format=layout)),
            convolutions()(x),
        )


def test_convolutions_with_other_padding_stay() -> None:
    for conv in (nn.Conv2d(2, 2, 3, padding="same"), nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect")):
        onednn.route(nn.Sequential(conv))
        assert type(conv) is nn.Conv2d


def test_state_and_mode_stay() -> None:
    plain = convolutions().eval()
    before = plain.state_dict()
    routed = onednn.route(plain)
    assert routed.state_dict().keys() == before.keys()
    assert not any(module.training for module in routed.modules())


def test_a_gradient_where_one_is_wanted() -> None:
    x = torch.linspace(-1, 1, 4 * 6).view(4, 6)
    routed, plain = onednn.route(network()), network()
    for model in (routed, plain):
        model.get_submodule("1.1").requires_grad_(True)
        model(x).square().sum().backward()
    wanted = plain.get_submodule("1.1").weight.grad
    torch.testing.assert_close(routed.get_submodule("1.1").weight.grad, wanted)


def test_a_gradient_of_the_picture_where_one_is_wanted() -> None:
    gradients = []
    for model in (onednn.route(convolutions()), convolutions()):
        x = torch.linspace(-1, 1, 2 * 3 * 12 * 10).view(2, 3, 12, 10).requires_grad_(True)
        model(x).square().sum().backward()
        assert x.grad is not None
        gradients.append(x.grad)
    torch.testing.assert_close(*gradients)
