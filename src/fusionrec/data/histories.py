"""Interaction histories of users, as ragged arrays."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

LOG = ["user", "item", "timestamp"]  # columns of an interaction log


@dataclass(frozen=True)
class Histories:
    """Each user's items, oldest first, in compressed rows: user u owns `items[offsets[u]:offsets[u + 1]]`.

    Attributes:
        offsets: int64 [users + 1].
        items: int64 [interactions], rows of the catalogue.
    """

    offsets: np.ndarray
    items: np.ndarray

    @classmethod
    def of(cls, table: pd.DataFrame, users: int) -> "Histories":
        """From rows (user, item, timestamp), in any order; ties in time go by item."""
        order = np.lexsort((table["item"], table["timestamp"], table["user"]))
        counts = np.bincount(table["user"], minlength=users)
        return cls(np.concatenate([[0], np.cumsum(counts)]), table["item"].to_numpy(np.int64)[order])

    def __len__(self) -> int:
        """The number of users, those without items included."""
        return len(self.offsets) - 1

    def __getitem__(self, user: int) -> np.ndarray:
        return self.items[self.offsets[user] : self.offsets[user + 1]]

    @property
    def counts(self) -> np.ndarray:
        """int64 [users]: number of items of each user."""
        return np.diff(self.offsets)

    def count(self, users: np.ndarray) -> np.ndarray:
        """int64 [n]: number of items of `users`, int64 [n], without a look at all others."""
        counts: np.ndarray = self.offsets[users + 1] - self.offsets[users]
        return counts

    def pairs(self, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """All items of `users`, int64 [n], as pairs: positions in `users` and items, two int64 [pairs]."""
        counts = self.count(users)
        return np.repeat(np.arange(len(users)), counts), self.items[ranges(self.offsets[users], counts)]

    def latest(self, users: np.ndarray, length: int) -> np.ndarray:
        """int64 [len(users), length]: the newest items of `users`, newest first, padded with -1."""
        back = np.arange(1, length + 1)
        index = self.offsets[users + 1][:, None] - back
        inside = index >= self.offsets[users][:, None]
        return np.where(inside, self.items[np.where(inside, index, 0)] if len(self.items) else -1, -1)


def ranges(start: np.ndarray, count: np.ndarray) -> np.ndarray:
    """start[0], start[0] + 1, ..., `count[0]` of them, then those from start[1], ...: int64 [sum of `count`].

    >>> ranges(np.array([7, 2]), np.array([2, 3]))
    array([7, 8, 2, 3, 4])
    """
    return np.repeat(start - (np.cumsum(count) - count), count) + np.arange(count.sum())
