"""Training examples: a user's history up to a moment, and the next few choices."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from fusionrec.data.histories import Histories


class Batch(NamedTuple):
    """One step's examples.

    Attributes:
        users: int64 [n].
        latest: int64 [n, length], the newest of the history first, padded with -1.
        targets: int64 [n, targets], the next choices, padded with -1.
        past: (row, item) int64 pairs of all that the user had chosen before the targets.
    """

    users: torch.Tensor
    latest: torch.Tensor
    targets: torch.Tensor
    past: tuple[torch.Tensor, torch.Tensor]

    def to(self, device: torch.device) -> "Batch":
        """The same tensors on `device`."""
        row, item = self.past
        users, latest, targets = (x.to(device) for x in (self.users, self.latest, self.targets))
        return Batch(users, latest, targets, (row.to(device), item.to(device)))


def batches(
    train: Histories, size: int, targets: int, length: int, generator: np.random.Generator
) -> Iterator[Batch]:
    """One epoch: as many batches as predict each interaction about once.

    Users are drawn with probability proportional to the square root of their number of interactions, and a
    uniform moment in each history: everything before it is known, the next `targets` are to be predicted.
    """
    weight = np.sqrt(train.counts.astype(np.float64))
    cumulative = np.cumsum(weight)
    for _ in range(max(1, round(len(train.items) / (size * targets)))):
        draw = generator.random(size) * cumulative[-1]
        users = np.minimum(np.searchsorted(cumulative, draw, side="right"), len(train) - 1)
        moment = (generator.random(size) * train.counts[users]).astype(np.int64)
        yield examples(train, users, moment, targets, length)


def examples(train: Histories, users: np.ndarray, moment: np.ndarray, targets: int, length: int) -> Batch:
    """The examples of `users` at `moment` (int64 [n]: how many of each history are known)."""
    start, end = train.offsets[users], train.offsets[users + 1]
    now = (start + moment)[:, None]
    ahead, back = now + np.arange(targets), now - np.arange(1, length + 1)
    past = np.repeat(np.arange(len(users)), moment), _ranges(train, start, moment)
    return Batch(
        torch.from_numpy(users),
        torch.from_numpy(_take(train, back, back >= start[:, None])),
        torch.from_numpy(_take(train, ahead, ahead < end[:, None])),
        (torch.from_numpy(past[0]), torch.from_numpy(past[1])),
    )


def _take(train: Histories, index: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return np.where(inside, train.items[np.where(inside, index, 0)], -1)


def _ranges(train: Histories, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """The first `count` items from each `start`, one after the other."""
    shift = np.repeat(start - (np.cumsum(count) - count), count)
    return train.items[shift + np.arange(count.sum())]
