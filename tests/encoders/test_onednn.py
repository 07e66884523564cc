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
    assert not any(isinstance(module, nn.Linear) for module in routed.modules())
    torch.testing.assert_close(routed(x.transpose(0, 1)), network()(x.transpose(0, 1)))


def test_untouched_where_it_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MKL_CBWR", raising=False)
    assert isinstance(onednn.route(network(), CPU).get_submodule("0"), nn.Linear)
