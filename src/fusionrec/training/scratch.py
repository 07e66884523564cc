"""Where an interrupted training is kept, so that the next run goes on from there.

A file outside the outputs, named by the hash of all that the result depends on: another parameter, another
line of code or other data is another training. No pickle: tensors as safetensors, the rest as JSON.
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
    """All that the next epoch depends on, and what was seen until now."""

    tensors: dict[str, torch.Tensor]
    values: dict[str, Any]


def key(parameters: dict[str, Any], code: Iterable[Path], inputs: Iterable[torch.Tensor]) -> str:
    """Hash of parameters, of the contents of the source files, and of input tensors."""
    digest = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode())
    for path in sorted(code):
        digest.update(path.name.encode() + path.read_bytes())
    for tensor in inputs:
        digest.update(f"{tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().data)
    return digest.hexdigest()


class Scratch:
    """The kept state of one training in one file; it may be deleted at any time."""

    def __init__(self, path: Path):
        self.path = path

    def save(self, state: State) -> None:
        """Replace what is kept, at once or not at all; of trainings that were never ended the newest stay."""
        values = torch.frombuffer(bytearray(json.dumps(state.values).encode()), dtype=torch.uint8)
        files.write_tensors(self.path, state.tensors | {VALUES: values})
        with suppress(FileNotFoundError):  # another training ends at this moment
            states = self.path.parent.glob("*.safetensors")
            for path in sorted(states, key=lambda path: path.stat().st_mtime)[:-KEPT]:
                path.unlink()

    def load(self) -> State | None:
        """What was kept; None if there is nothing."""
        if not self.path.exists():
            return None
        tensors = files.read_tensors(self.path)
        return State(tensors, json.loads(bytes(tensors.pop(VALUES).tolist())))

    def clear(self) -> None:
        """Forget it: training has ended and its result is written."""
        self.path.unlink(missing_ok=True)
