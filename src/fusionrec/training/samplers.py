"""Negative items."""

import numpy as np

from fusionrec.data.histories import Histories


class UniformNegatives:
    """Uniform over the train items that the user did not choose; rejection by binary search."""

    def __init__(self, train: Histories, items: np.ndarray):
        """`items`: int64, the rows to draw from."""
        user = np.repeat(np.arange(len(train)), train.counts)
        self.items, self.stride = items, int(items.max()) + 1
        self.positive = np.sort(user * self.stride + train.items)
        if (train.counts >= len(items)).any():
            raise ValueError("a user chose every item: there is no negative to draw")

    def draw(self, users: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
        """int64 [len(users), count], never an item of the user's train history."""
        negatives = generator.choice(self.items, (len(users), count))
        while (wrong := self._chosen(users, negatives)).any():
            negatives[wrong] = generator.choice(self.items, int(wrong.sum()))
        return negatives

    def _chosen(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        key = users[:, None] * self.stride + items
        place = np.minimum(np.searchsorted(self.positive, key), len(self.positive) - 1)
        return self.positive[place] == key
