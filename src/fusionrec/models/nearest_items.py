"""The items whose vectors are nearest to those of an item by cosine.

An item without a vector has no neighbours and is nobody's neighbour. As in the public code of FREEDOM and MGCN, an item
with a vector is among its own neighbours. The similarities of all pairs are never in memory together.
"""

import hashlib
import os
from pathlib import Path
from typing import NamedTuple

import torch

from fusionrec import files, paths, runtime
from fusionrec.data.item_inputs import Modality
from fusionrec.errors import DamagedError
from fusionrec.models import neighbours

KEPT_FROM = 2**36  # multiplications from which neighbours are kept on disk: a second or so
KEPT = 64  # files; those that were not used for longest are deleted


class Neighbours(NamedTuple):
    """The nearest items of each item, in ascending order of rows.

    Attributes:
        rows: int64 [items, k].
        similarity: float32 [items, k], cosines; -inf where there are fewer than k.
    """

    rows: torch.Tensor
    similarity: torch.Tensor


def nearest(modality: Modality, k: int) -> Neighbours:
    """The k nearest items of each item, from an earlier run if computing them takes longer than a second or so.

    Such neighbours are a file in `fusionrec.paths.cache_home()`, named by a hash of all that they depend on. It only
    saves time: without it, or if it is damaged, they are computed.

    Args:
        modality: vectors [items, width].
        k: at most the number of items.

    Returns:
        On the CPU.
    """
    modality = Modality(*(tensor.cpu() for tensor in modality))
    items, width = modality.vectors.shape
    if items * items * width < KEPT_FROM:
        return compute(modality, k)
    path = paths.cache_home() / "neighbours" / f"{_key(modality, k)}.safetensors"
    try:
        found = Neighbours(**files.read_sealed(path))
        path.touch()
    except (OSError, DamagedError):
        found = compute(modality, k)
        _keep(path, found)
    return found


def compute(modality: Modality, k: int) -> Neighbours:
    """The k nearest items of each item by cosine, in chunks; of equal ones the first. See `nearest`."""
    vectors, absent = unit(modality.vectors), ~modality.present
    parts = []
    for chunk in neighbours.chunks(len(vectors), len(vectors)):
        rows = torch.from_numpy(chunk)
        cosine = vectors[rows] @ vectors.T
        cosine.masked_fill_(absent[rows, None] | absent, -torch.inf)
        columns = _largest(cosine, k)
        parts.append((columns, cosine.gather(1, columns)))
    return Neighbours(*(torch.cat(part) for part in zip(*parts, strict=True)))


def unit(vectors: torch.Tensor) -> torch.Tensor:
    """Rows of `vectors` [n, width], scaled to length 1: float32 [n, width]; rows of zeros stay zero."""
    wide = vectors.double()
    norm = wide.square().sum(1, keepdim=True).sqrt()
    return (wide / torch.where(norm > 0, norm, 1)).float()


def _largest(scores: torch.Tensor, k: int) -> torch.Tensor:
    """int64 [n, k]: columns of the k largest of each row, ascending; of equal ones the first."""
    bound = scores.topk(k, sorted=False).values.amin(1, keepdim=True)
    chosen = scores >= bound
    crowded = (chosen.sum(1) > k).nonzero().squeeze(1)
    if len(crowded):
        above, ties = scores[crowded] > bound[crowded], scores[crowded] == bound[crowded]
        left = k - above.sum(1, keepdim=True)
        chosen[crowded] = above | (ties & (ties.cumsum(1) <= left))
    return chosen.nonzero()[:, 1].view(-1, k)


def _key(modality: Modality, k: int) -> str:
    """A hash of the vectors, of this file, and of what the last bits of a product depend on."""
    pins = {name: os.environ.get(name) for name in runtime.PINS["portable"]}
    computed = torch.__version__, torch.backends.cpu.get_cpu_capability(), pins
    key = hashlib.sha256(Path(__file__).read_bytes())
    key.update(repr((k, tuple(modality.vectors.shape), computed)).encode())
    for tensor in (modality.vectors, modality.present):
        key.update(tensor.contiguous().numpy().data)
    return key.hexdigest()


def _keep(path: Path, found: Neighbours) -> None:
    try:
        files.write_sealed(path, found._asdict())
        used = sorted(path.parent.glob("*.safetensors"), key=lambda one: one.stat().st_mtime)
        for old in used[:-KEPT]:
            old.unlink(missing_ok=True)
    except OSError:  # a full or read-only disk: they are computed again next time
        return
