"""The state of an interrupted training, so that the next run continues from there.

A file outside the outputs, named by the hash of everything that the result depends on: other parameters, other data or
code that runs differently are a different training. No pickle: tensors as safetensors, the rest as JSON.
"""

import hashlib
import json
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import torch

from fusionrec import files

VALUES = "values"
KEPT = 20  # trainings


class State(NamedTuple):
    """All that the next epoch depends on, and the epochs until now."""

    tensors: dict[str, torch.Tensor]
    values: dict[str, Any]


def key(parameters: dict[str, Any], code: str, inputs: Iterable[torch.Tensor]) -> str:
    """Hash of parameters, of the code's fingerprint (see `fusionrec.code`), and of input tensors."""
    digest = hashlib.sha256(json.dumps([parameters, code], sort_keys=True).encode())
    for tensor in inputs:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


class Interrupted:
    """The state of one training, in one file, which may be deleted at any time.

    Attributes:
        epochs: how many epochs the state had that was loaded; 0 if none was.
    """

    def __init__(self, path: Path):
        self.path, self.epochs = path, 0

    def save(self, state: State) -> None:
        """Replace the state atomically; only the `KEPT` newest states of unfinished trainings are kept."""
        values = torch.frombuffer(bytearray(json.dumps(state.values).encode()), dtype=torch.uint8)
        files.write_sealed(self.path, state.tensors | {VALUES: values})
        with suppress(FileNotFoundError):  # a training that runs beside this one may delete its state now
            states = self.path.parent.glob("*.safetensors")
            for path in sorted(states, key=lambda path: path.stat().st_mtime)[:-KEPT]:
                path.unlink()

    def load(self) -> State | None:
        """The state; None if there is none.

        Raises:
            DamagedError: if it is not what was written.
        """
        if not self.path.exists():
            return None
        tensors = files.read_sealed(self.path)
        state = State(tensors, json.loads(bytes(tensors.pop(VALUES).tolist())))
        self.epochs = len(state.values["epochs"])
        return state

    def clear(self) -> None:
        """Delete the state, once training has ended and its result is written."""
        self.path.unlink(missing_ok=True)
