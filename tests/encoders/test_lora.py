"""Adapters: few weights, no effect at first, and merged into their layers at the end."""

import pytest
import torch
from torch import nn

from fusionrec.encoders import blocks, lora, onednn
from fusionrec.encoders.blocks import Part
from fusionrec.errors import UserError


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.wide = nn.Conv2d(3, 3, 3, padding=1)
        self.pointwise = nn.Conv2d(3, 3, 1)
        self.linear = nn.Linear(3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pointwise(self.wide(x))
        return x + self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


class Tower(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.ModuleList([Block(), Block()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for block in self.blocks:
            x = block(x)
        return x.mean((2, 3))


X = torch.linspace(-1, 1, 2 * 3 * 5 * 5).view(2, 3, 5, 5)


def tower() -> Tower:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        return Tower()


def attached(count: int = 1, seed: int = 1) -> tuple[Tower, dict[str, nn.Parameter]]:
    found = tower()
    part = blocks.last(found, {"x": X}, count)
    return found, lora.attach(found, part, 2, torch.Generator().manual_seed(seed))


def test_only_linear_layers_and_pointwise_convolutions_of_the_last_blocks_get_one() -> None:
    found, adapters = attached()
    owners = {name.partition(".lora_")[0] for name in adapters}
    assert owners == {"blocks.1.pointwise", "blocks.1.linear"}
    torch.testing.assert_close(found(X), tower()(X), msg="at first they change nothing")


def test_merging_gives_the_same_vectors_under_the_same_names() -> None:
    found, adapters = attached(2)
    for weight in adapters.values():
        weight.data.normal_(generator=torch.Generator().manual_seed(2))
    before = {name: tensor.clone() for name, tensor in found.state_dict().items()}
    merged, other = lora.merged(found), tower()
    assert all(torch.equal(tensor, before[name]) for name, tensor in found.state_dict().items())
    assert merged.keys() == other.state_dict().keys()
    other.load_state_dict(merged)
    assert (other(X) - tower()(X)).abs().max() > 0.01
    torch.testing.assert_close(other(X), found(X), rtol=1e-5, atol=1e-5)
    assert lora.merged(other).keys() == merged.keys(), "without adapters it is the state"


def test_they_are_drawn_from_the_generator_and_nothing_else() -> None:
    before = torch.get_rng_state()
    one, same, other = (attached(seed=seed)[1] for seed in (1, 1, 2))
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(one[name], same[name]) for name in one)
    assert not all(torch.equal(one[name], other[name]) for name in one)


def test_they_fit_layers_through_onednn() -> None:
    found = tower()
    onednn.route(found)
    assert torch.allclose(found(X), tower()(X), atol=1e-6)
    part = blocks.last(found, {"x": X}, 1)
    adapters = lora.attach(found, part, 2, torch.Generator().manual_seed(1))
    found(X).square().sum().backward()
    assert all(weight.grad is not None for weight in adapters.values())
    owners = {name.partition(".lora_")[0] for name in adapters}
    assert owners == {"blocks.1.pointwise", "blocks.1.linear"}


def test_no_layer_for_one() -> None:
    block = nn.Conv2d(3, 3, 3)
    part = Part([block], dict(block.named_parameters("0")))
    with pytest.raises(UserError, match=r"train.finetune.lora_rank: .*; set it to 0"):
        lora.attach(nn.Sequential(block), part, 2, torch.Generator())
