"""Damaged and incomplete folders that every loader refuses."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from fusionrec import files
from fusionrec.encoders import untrained
from fusionrec.errors import UserError

Change = Callable[[dict[str, torch.Tensor]], Any]


def write_changed(kind: str, folder: Path, change: Change) -> None:
    """An untrained checkpoint, of which `change` has changed the tensors."""
    untrained.write(kind, folder)
    tensors = files.read_tensors(folder / "model.safetensors")
    change(tensors)
    files.write_tensors(folder / "model.safetensors", tensors)


class Incomplete:
    """Tests of checkpoints that do not fit; `load` loads one after a change, `tensor` is one of its tensors."""

    def test_a_missing_tensor_is_refused(self, load: Any, tensor: str) -> None:
        with pytest.raises(UserError, match=rf"do not fit config\.json.*{tensor.split('.', 1)[1]}"):
            load(lambda tensors: tensors.pop(tensor))

    def test_an_unexpected_tensor_is_refused(self, load: Any, tensor: str) -> None:
        with pytest.raises(UserError, match=r"do not fit config\.json.*adapter"):
            load(lambda tensors: tensors.update(adapter=torch.zeros(2)))

    def test_a_misshapen_tensor_is_refused(self, load: Any, tensor: str) -> None:
        with pytest.raises(UserError, match="cannot be loaded as an encoder"):
            load(lambda tensors: tensors.update({tensor: torch.zeros(2, 3)}))
