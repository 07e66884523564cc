"""What is kept of an interrupted training."""

import os
from pathlib import Path

import numpy as np
import torch

from fusionrec.training.resume import KEPT, Interrupted, State, key

STATE = State(
    {"model/a": torch.arange(3.0), "generator": torch.get_rng_state()},
    {"draws": np.random.default_rng(1).bit_generator.state, "best": 0.1 + 0.2, "epochs": [{"x": 1e-17}]},
)


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    interrupted = Interrupted(tmp_path / "deep" / "state.safetensors")
    assert interrupted.load() is None
    interrupted.save(STATE)
    found = interrupted.load()
    assert found is not None
    assert found.values == STATE.values, "numbers to the last bit, whole numbers of any size"
    assert found.tensors.keys() == STATE.tensors.keys()
    assert all(torch.equal(found.tensors[name], tensor) for name, tensor in STATE.tensors.items())
    interrupted.clear()
    interrupted.clear()
    assert interrupted.load() is None


def test_of_trainings_that_never_end_the_newest_stay(tmp_path: Path) -> None:
    paths = [tmp_path / f"{number}.safetensors" for number in range(KEPT + 3)]
    for number, path in enumerate(paths):
        path.touch()
        os.utime(path, (number, number))
    Interrupted(tmp_path / "now.safetensors").save(STATE)
    assert set(tmp_path.iterdir()) == {tmp_path / "now.safetensors", *paths[4:]}


def test_the_key_is_all_that_a_training_depends_on() -> None:
    tensor = torch.arange(4.0)
    first = key({"lr": 0.1}, "code", [tensor])
    assert key({"lr": 0.1}, "code", [tensor.clone()]) == first
    assert key({"lr": 0.2}, "code", [tensor]) != first
    assert key({"lr": 0.1}, "code", [tensor + 1]) != first
    assert key({"lr": 0.1}, "code", [tensor.view(2, 2)]) != first, "the same bytes in another shape"
    assert key({"lr": 0.1}, "other code", [tensor]) != first
