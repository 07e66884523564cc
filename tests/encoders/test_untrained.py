"""Untrained models: small, the same bytes each time, for every architecture of the registry."""

from pathlib import Path

import pytest
import timm
import torch

from fusionrec import sections
from fusionrec.encoders import untrained
from fusionrec.errors import UserError

ENCODERS = sections.load(Path(__file__).resolve().parents[2] / "params.yaml").encoders


@pytest.mark.parametrize("architecture", [*untrained.ARCHITECTURES, "tf_efficientnet_lite0"])
def test_the_same_bytes_each_time(architecture: str, tmp_path: Path) -> None:
    state = torch.random.get_rng_state()
    for attempt in ("a", "b"):
        torch.rand(3)
        untrained.write(architecture, tmp_path / attempt)
    assert not torch.equal(torch.random.get_rng_state(), state), "only this test has drawn"
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert {"config.json", "model.safetensors"} < {*names, "tokenizer.json", "preprocessor_config.json"}
    for name in names:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes(), name
    assert (tmp_path / "a" / "model.safetensors").stat().st_size < 20e6


def test_random_numbers_go_on_as_if_nothing_were_built(tmp_path: Path) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        wanted = torch.rand(3)
        torch.manual_seed(3)
        untrained.write("bert", tmp_path / "bert")
        assert torch.equal(torch.rand(3), wanted)


def test_an_unknown_architecture(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"untrained: bret is neither one of clip, .* nor a model of timm"):
        untrained.write("bret", tmp_path / "bret")


def test_every_entry_of_the_registry_can_be_built() -> None:
    entries = [
        entry for registry in (ENCODERS.vision, ENCODERS.language) for entry in registry.values() if entry
    ]
    names = {entry.untrained for entry in entries if entry.untrained}
    assert names >= untrained.ARCHITECTURES.keys(), "each architecture has a user"
    assert all(timm.is_model(name) for name in names - untrained.ARCHITECTURES.keys())
