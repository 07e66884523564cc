"""Negative items."""

import numpy as np

from fusionrec.data.histories import Histories, ranges
from fusionrec.training.options import Negatives

ROUNDS = 20  # of rejection, before the few draws that still fail are done exactly


class Sampler:
    """Draws train items that a user did not choose, or takes the other targets of a batch.

    Probabilities by strategy: `uniform`; `popularity`, as count ** alpha (Mikolov et al., "Distributed
    Representations of Words and Phrases", NeurIPS 2013); `popularity_inverse`, as count ** -alpha. With
    `in_batch` an item is a negative as often as it is a target, so about as its count.
    """

    def __init__(self, train: Histories, items: np.ndarray, options: Negatives):
        """`items`: int64, the rows to draw from: those with train interactions."""
        self.train, self.items, self.options = train, items, options
        self.stride = int(max(items.max(), train.items.max(initial=0))) + 1
        user = np.repeat(np.arange(len(train)), train.counts)
        self.positive = np.unique(user * self.stride + train.items)
        inside = np.isin(self.positive % self.stride, items)
        chosen = np.bincount(self.positive[inside] // self.stride, minlength=len(train))
        self.has_negative = chosen < len(np.unique(items))
        self.weights = _weights(np.bincount(train.items, minlength=self.stride)[items], options)
        self.cumulative = np.cumsum(self.weights)
        self.log_share = np.full(self.stride, -np.inf)
        self.log_share[items] = np.log(self.weights / self.cumulative[-1])

    def draw(self, users: np.ndarray, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """`ratio` negatives for each of `users` (int64 [n]), with replacement, none of its train history.

        Returns:
            Items, int64 [n, ratio], and bool [n, ratio], false for users who chose every item: the items
            in their rows are no negatives.
        """
        shape = len(users), self.options.ratio
        drawn = _pick(self.items, self.cumulative, generator.random(shape))
        valid = np.repeat(self.has_negative[users, None], shape[1], 1)
        row, column = (self._chosen(users[:, None], drawn) & valid).nonzero()
        for _ in range(ROUNDS):
            if not len(row):
                break
            again = _pick(self.items, self.cumulative, generator.random(len(row)))
            drawn[row, column] = again
            wrong = self._chosen(users[row], again)
            row, column = row[wrong], column[wrong]
        # heavy users would take forever; this has the same distribution
        for user in np.unique(users[row]):
            mine = users[row] == user
            left = np.cumsum(np.where(np.isin(self.items, self.train[user]), 0, self.weights))
            drawn[row[mine], column[mine]] = _pick(self.items, left, generator.random(mine.sum()))
        return drawn, valid

    def in_batch(self, targets: np.ndarray, users: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The targets of a batch as negatives of each other; `ratio` does not limit them.

        Args:
            targets: int64 [p].
            users: int64 [p], whose targets they are.

        Returns:
            Items, int64 [p, p]: in each row all targets (a view, so score `targets` once); and bool [p, p],
            false where a column holds the row's own target or another train item of the row's user.
        """
        valid = targets[:, None] != targets
        order = np.argsort(targets, kind="stable")
        row, item = self.train.pairs(users)
        first, last = (np.searchsorted(targets[order], item, side) for side in ("left", "right"))
        count = last - first  # of columns that hold the item
        place = ranges(first, count)
        valid[np.repeat(row, count), order[place]] = False
        return np.broadcast_to(targets, valid.shape), valid

    def logq(self, items: np.ndarray, draws: int | None = None) -> np.ndarray:
        """float32, in the shape of `items`: log of the expected count of each item in `draws` draws.

        By the distribution that draws are proposed from, so the rejection of a user's own items is ignored.
        `draws` is `ratio` where it is not given: a constant, which cancels in the sampled softmax.
        -inf for an item that is never drawn.
        """
        count = self.options.ratio if draws is None else draws
        return (self.log_share[items] + np.log(count)).astype(np.float32)

    def _chosen(self, users: np.ndarray, items: np.ndarray) -> np.ndarray:
        key = users * self.stride + items
        place = np.minimum(np.searchsorted(self.positive, key), len(self.positive) - 1)
        return self.positive[place] == key


def _weights(counts: np.ndarray, options: Negatives) -> np.ndarray:
    """float64, of items with so many train interactions; one without any weighs like one with one."""
    exponent = {
        "uniform": 0,
        "popularity": options.alpha,
        "popularity_inverse": -options.alpha,
        "in_batch": 1,
    }
    return np.maximum(counts, 1).astype(np.float64) ** exponent[options.strategy]


def _pick(items: np.ndarray, cumulative: np.ndarray, uniform: np.ndarray) -> np.ndarray:
    """Items by inverse transform of `uniform`; 1 - 2**-53, its largest value, rounds to less than all weight."""
    return items[np.searchsorted(cumulative, uniform * cumulative[-1], side="right")]
