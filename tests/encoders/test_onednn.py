"""Linear layers through oneDNN give the results of `nn.Linear`."""

import pytest
import torch
from torch import nn

from fusionrec.encoders import onednn

CPU = torch.device("cpu")


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return nn.Sequential(
            nn.Linear(6, 5), nn.Sequential(nn.ReLU(), nn.Linear(5, 3, bias=False))
        ).requires_grad_(False)


def test_same_values_where_mkl_is_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    x = torch.linspace(-1, 1, 2 * 4 * 6).view(2, 4, 6)
    routed = onednn.route(network(), CPU)
    assert all(type(module) is not nn.Linear for module in routed.modules())
    torch.testing.assert_close(routed(x.transpose(0, 1)), network()(x.transpose(0, 1)))


def test_untouched_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKL_CBWR", raising=False)
    assert isinstance(onednn.route(network(), CPU).get_submodule("0"), nn.Linear)


def test_a_gradient_where_one_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    x = torch.linspace(-1, 1, 4 * 6).view(4, 6)
    routed, plain = onednn.route(network(), CPU), network()
    for model in (routed, plain):
        model.get_submodule("1.1").requires_grad_(True)
        model(x).square().sum().backward()
    wanted = plain.get_submodule("1.1").weight.grad
    torch.testing.assert_close(routed.get_submodule("1.1").weight.grad, wanted)
