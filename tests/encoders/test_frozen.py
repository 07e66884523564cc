"""All encoders: nothing is random, and a vector depends on its own input only."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from fusionrec import sections
from fusionrec.encoders import language, untrained, vision
from fusionrec.encoders.frozen import FrozenEncoder
from fusionrec.encoders.options import Cache
from fusionrec.errors import UserError

CPU = torch.device("cpu")
ENCODERS = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").encoders
ALL = [
    (modality, name)
    for modality in ("vision", "language")
    for name, found in getattr(ENCODERS, modality).items()
    if found
]
Load = Callable[..., FrozenEncoder]


@pytest.fixture
def load(tmp_path: Path, options: Callable[..., Cache]) -> Load:
    """An untrained encoder of the registry."""

    def load(modality: str, name: str, **changes: Any) -> FrozenEncoder:
        entry = getattr(ENCODERS, modality)[name]
        if not (tmp_path / name).exists():
            untrained.write(entry.untrained, tmp_path / name)
        module = vision if modality == "vision" else language
        return module.load(tmp_path / name, entry, options(**changes), CPU)

    return load


def inputs(modality: str) -> list[Any]:
    """Eight pictures or texts of one padded length."""
    if modality == "language":
        return [letter * 12 for letter in "abcdefgh"]
    rng = np.random.default_rng(1)
    return [Image.fromarray(rng.integers(0, 256, (60, 80, 3), np.uint8)) for _ in range(8)]


@pytest.mark.parametrize(("modality", "name"), ALL)
def test_nothing_moves(modality: str, name: str, load: Load) -> None:
    """Neither weights nor the statistics of batch normalisation, nor the random numbers."""
    encoder = load(modality, name)
    before = {name: tensor.clone() for name, tensor in encoder.tower.state_dict().items()}
    state = torch.random.get_rng_state()
    vectors = encoder.encode(inputs(modality))
    assert torch.equal(encoder.encode(inputs(modality)), vectors)
    after = encoder.tower.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert not any(module.training for module in encoder.tower.modules())
    assert not any(parameter.requires_grad for parameter in encoder.tower.parameters())
    assert vectors.is_inference() and not vectors.requires_grad


def test_the_check_would_see_statistics_that_move(load: Load) -> None:
    encoder = load("vision", "efficientnet")
    before = {name: tensor.clone() for name, tensor in encoder.tower.state_dict().items()}
    encoder.tower.train()
    encoder.encode(inputs("vision"))
    assert any(not torch.equal(before[name], tensor) for name, tensor in encoder.tower.state_dict().items())


@pytest.mark.parametrize(("modality", "name"), ALL)
def test_other_mates_in_a_batch_of_one_length_change_no_bit(modality: str, name: str, load: Load) -> None:
    encoder = load(modality, name)
    a, b, *others = inputs(modality)
    first, second = encoder.encode([a, b, *others[:2]]), encoder.encode([*others[2:4], b, a])
    assert torch.equal(first[0], second[3]) and torch.equal(first[1], second[2])
    assert not torch.equal(first[0], first[1])


@pytest.mark.parametrize(("modality", "name"), ALL)
def test_shorter_numbers_and_another_memory_layout_change_little(
    modality: str, name: str, load: Load
) -> None:
    wanted = load(modality, name).encode(inputs(modality))
    laid_out = load(modality, name, channels_last=False).encode(inputs(modality))
    torch.testing.assert_close(laid_out, wanted, rtol=1e-4, atol=1e-4)
    for precision in ("bf16", "fp16"):
        found = load(modality, name, precision=precision).encode(inputs(modality))
        assert found.dtype == torch.float32 and not torch.equal(found, wanted)
        assert torch.cosine_similarity(found, wanted).min() > 0.99


def test_numbers_that_overflow_are_refused(load: Load) -> None:
    encoder = load("vision", "resnet", precision="fp16")
    for parameter in encoder.tower.parameters():
        parameter.mul_(1e4)
    with pytest.raises(UserError, match=r"vectors are not finite; set cache\.precision to bf16 or fp32"):
        encoder.encode(inputs("vision"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("modality", "name"), [("vision", "resnet"), ("vision", "clip"), ("language", "clip")]
)
def test_compiled(modality: str, name: str, load: Load) -> None:
    wanted = load(modality, name).encode(inputs(modality))
    encoder = load(modality, name, compile=True)
    found = encoder.encode(inputs(modality))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
