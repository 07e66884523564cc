"""Which parts of a network are trained, for networks of several families."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import nn

from fusionrec.encoders import blocks, language, untrained, vision
from fusionrec.encoders.frozen import FrozenEncoder
from fusionrec.encoders.options import Cache, EncoderEntry
from fusionrec.errors import UserError

CPU = torch.device("cpu")
Load = Callable[..., FrozenEncoder]
KINDS: dict[str, tuple[str, dict[str, Any], int]] = {
    # kind: modality, entry, number of blocks
    "resnet": ("vision", {"pooling": "pooled"}, 4),
    "convnext": ("vision", {"pooling": "pooled"}, 4),
    "dinov2": ("vision", {"pooling": "cls", "layer": 11}, 11),
    "clip": ("vision", {"pooling": "projected"}, 12),
    "test_efficientnet": ("vision", {"pooling": "pooled", "library": "timm"}, 5),
    "test_resnet": ("vision", {"pooling": "pooled", "library": "timm"}, 4),
    "test_vit": ("vision", {"pooling": "cls", "library": "timm"}, 6),
    "bert": ("language", {"pooling": "mean"}, 12),
    "roberta": ("language", {"pooling": "cls"}, 12),
    "mpnet": ("language", {"pooling": "mean"}, 12),
}


@pytest.fixture
def load(tmp_path: Path, entry: Callable[..., EncoderEntry], options: Callable[..., Cache]) -> Load:
    def make(kind: str) -> FrozenEncoder:
        modality, changes, _ = KINDS[kind]
        untrained.write(kind, tmp_path / kind)
        module: Any = vision if modality == "vision" else language
        return module.load(tmp_path / kind, entry(**changes), options(), CPU)

    return make


def example(encoder: FrozenEncoder, kind: str) -> dict[str, torch.Tensor]:
    return encoder.prepare([Image.new("RGB", (50, 40), "red") if KINDS[kind][0] == "vision" else "red fish"])


@pytest.mark.parametrize("kind", KINDS)
def test_blocks_are_found_and_the_last_and_what_follows_are_trained(load: Load, kind: str) -> None:
    encoder = load(kind)
    inputs = example(encoder, kind)
    for count in (1, 2):
        part = blocks.last(encoder.tower, inputs, count)
        inside = {id(weight) for block in part.blocks for weight in block.parameters()}
        after = [name for name, weight in part.weights.items() if id(weight) not in inside]
        assert len(part.blocks) == count and inside & {id(w) for w in part.weights.values()}
        assert not any("embed" in name or "stem" in name or "relative" in name for name in after), after
    everything = blocks.last(encoder.tower, inputs, 0)
    assert len(everything.blocks) == KINDS[kind][2]
    assert part.weights.keys() < everything.weights.keys()
    assert not any(weight.requires_grad for weight in encoder.tower.parameters())


def test_what_follows_the_blocks(load: Load) -> None:
    wanted = {
        "clip": {"model.vision_model.post_layernorm", "model.visual_projection"},
        "bert": set(),
        "dinov2": set(),
        "test_vit": {"model.norm"},
    }
    for kind, names in wanted.items():
        encoder = load(kind)
        part = blocks.last(encoder.tower, example(encoder, kind), 1)
        inside = {id(weight) for weight in part.blocks[0].parameters()}
        after = {name for name, weight in part.weights.items() if id(weight) not in inside}
        assert {name.rpartition(".")[0] for name in after} == names, kind


def test_too_many_blocks(load: Load) -> None:
    encoder = load("bert")
    with pytest.raises(UserError, match=r"train.finetune.blocks is 13, but the encoder has 12 blocks"):
        blocks.last(encoder.tower, example(encoder, "bert"), 13)


def test_a_weight_that_is_read_without_a_call_counts_as_its_parent() -> None:
    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner, self.outer = nn.MultiheadAttention(4, 1, batch_first=True), nn.Linear(4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.outer(self.inner(x, x, x)[0])

    class Tower(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = nn.ModuleList([Attention(), Attention()])

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            for layer in self.layers:
                x = layer(x)
            return x

    part = blocks.last(Tower(), {"x": torch.ones(1, 2, 4)}, 1)
    assert "layers.1.inner.out_proj.weight" in part.weights
    assert all(name.startswith("layers.1.") for name in part.weights)


@pytest.mark.parametrize("kind", KINDS)
def test_recomputing_changes_no_gradient(load: Load, kind: str) -> None:
    encoder = load(kind)
    inputs = example(encoder, kind)
    part = blocks.last(encoder.tower, inputs, 0)

    def gradients() -> list[torch.Tensor]:
        encoder.tower.requires_grad_(True)
        loss = encoder.tower(**inputs)[0].square().sum()
        loss.backward()
        found = [weight.grad for weight in part.weights.values() if weight.grad is not None]
        encoder.tower.zero_grad()
        assert len(found) == len(part.weights)
        return found

    kept = gradients()
    calls: list[int] = []
    part.blocks[0].register_forward_hook(lambda *_: calls.append(1))
    deepest = next(module for module in part.blocks[0].modules() if not list(module.children()))
    deepest.register_forward_hook(lambda *_: calls.append(2))
    blocks.recompute(part.blocks)
    for one, other in zip(kept, gradients(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-6)
    assert calls.count(2) == 2 * calls.count(1), "the inside of a block is computed twice"
