"""What a candidate adds to the items already picked: one class for each method of re-ranking.

The classes work on a batch of n users with m candidates each. Positions are positions among a user's candidates.
"""

from typing import NamedTuple, Protocol

import numpy as np
import torch
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories, ranges
from fusionrec.models.interaction_matrix import matrix

MIXED_IN = 0.01  # share of the user's proportions that is mixed into those of a list; keeps logarithms finite
LEAST = 1e-6  # squared distances to the span of the picked items below this are rounding errors of float32
TINY = 1e-300  # keeps logarithms finite where their factor is 0


class RerankFeatures(NamedTuple):
    """Features of all items.

    Attributes:
        vectors: float32 [items, width], of length 1; all 0 if an item has no vector.
        novelty: float64 [items], how unknown an item is, for example its self-information; the scale does not matter.
        categories: bool [items, values], which values each item has.
    """

    vectors: np.ndarray
    novelty: np.ndarray
    categories: csr_array


class Gain(Protocol):
    """The gains of candidates, given the items picked so far."""

    def now(self) -> torch.Tensor:
        """float64 [n, m]: what each candidate would add to its list."""
        ...

    def pick(self, position: torch.Tensor) -> None:
        """Append the candidate at `position`, int64 [n], to each user's list."""
        ...


class Similarity:
    """Cosines of candidates to an item that was picked.

    Args:
        candidates: int64 [n, m], items.
        vectors: of all items, as in `RerankFeatures`.
        picks: how often `to` is asked. If that is at least m, the cosines of all pairs of candidates are computed at
            once, which is less work then.
    """

    def __init__(self, candidates: torch.Tensor, vectors: np.ndarray, picks: int):
        self.vectors = torch.from_numpy(vectors)[candidates]
        self.user = torch.arange(len(candidates))
        self.pairs = self.vectors @ self.vectors.mT if picks >= candidates.shape[1] else None

    def to(self, position: torch.Tensor) -> torch.Tensor:
        """float64 [n, m]: cosines to the candidate at `position`, int64 [n]."""
        if self.pairs is not None:
            return self.pairs[self.user, position].double()
        last = self.vectors[self.user, position]
        return torch.bmm(self.vectors, last[:, :, None]).squeeze(2).double()


class MeanDistance:
    """The gain is the mean of 1 - cosine over the picked items; 0 at first."""

    def __init__(self, similarity: Similarity):
        self.similarity, shape = similarity, similarity.vectors.shape[:2]
        self.total, self.count = torch.zeros(shape, dtype=torch.float64), 0

    def now(self) -> torch.Tensor:
        """See `Gain`."""
        return self.total / max(self.count, 1)

    def pick(self, position: torch.Tensor) -> None:
        """See `Gain`."""
        self.total += 1 - self.similarity.to(position)
        self.count += 1


class MaximalMarginalRelevance:
    """The gain is minus the largest cosine to a picked item, if it is above 0: maximal marginal relevance.

    Carbonell and Goldstein, SIGIR 1998.
    """

    def __init__(self, similarity: Similarity):
        self.similarity, shape = similarity, similarity.vectors.shape[:2]
        self.largest = torch.zeros(shape, dtype=torch.float64)

    def now(self) -> torch.Tensor:
        """See `Gain`."""
        return -self.largest

    def pick(self, position: torch.Tensor) -> None:
        """See `Gain`."""
        self.largest = torch.maximum(self.largest, self.similarity.to(position))


class LogVolume:
    """The gain is the log of the squared distance to the span of the picked items: a determinantal point process.

    Chen, Zhang and Zhou, "Fast Greedy MAP Inference for Determinantal Point Process to Improve Recommendation
    Diversity", NeurIPS 2018: each pick adds one row to a Cholesky factor. Together with relevance r this
    is their kernel exp(a r_i) S_ij exp(a r_j) with a = (1 - strength) / (2 strength). An item without a vector is
    orthogonal to all others.
    """

    def __init__(self, similarity: Similarity):
        self.similarity, shape = similarity, similarity.vectors.shape[:2]
        self.squared = torch.ones(shape, dtype=torch.float64)
        self.factor: list[torch.Tensor] = []  # rows of the Cholesky factor, [n, m] each

    def now(self) -> torch.Tensor:
        """See `Gain`."""
        return self.squared.clamp(min=LEAST).log()

    def pick(self, position: torch.Tensor) -> None:
        """See `Gain`."""
        at = position[:, None]
        row = self.similarity.to(position)
        for before in self.factor:
            row -= before.gather(1, at) * before
        left = self.squared.gather(1, at)
        row = torch.where(left > LEAST, row / left.clamp(min=LEAST).sqrt(), 0)  # 0: the pick lies in the span
        self.factor.append(row)
        self.squared -= row.square()


class Tastes:
    """The proportions of categories in the histories of users, and the values that candidates have.

    Args:
        candidates: int64 [n, m], items.
        categories: of all items, as in `RerankFeatures`.
        past: histories of all users.
        users: int64 [n], rows of the user table.
    """

    def __init__(self, candidates: torch.Tensor, categories: csr_array, past: Histories, users: np.ndarray):
        counts = np.diff(categories.indptr)
        shares = csr_array(
            (1 / np.repeat(counts, counts), categories.indices, categories.indptr), categories.shape
        )
        taste = torch.from_numpy((matrix(past, users, len(counts)) @ shares).toarray())
        taste /= taste.sum(1, keepdim=True).clamp(min=TINY)
        self.taste = torch.cat(
            [taste, torch.zeros(len(users), 1, dtype=torch.float64)], 1
        )  # last column: no value
        values = _values_of(categories, candidates.numpy())
        self.known = torch.from_numpy(values >= 0)
        self.values = torch.from_numpy(np.where(values < 0, categories.shape[1], values))
        self.share = self.known / self.known.sum(2, keepdim=True).clamp(min=1).double()
        self.wanted = _at(self.taste, self.values)  # the user's proportions at the values of each candidate
        self.least = MIXED_IN * self.wanted + TINY


class Calibration:
    """The gain is minus the divergence of the list's category proportions from those of the user's history.

    Steck, "Calibrated Recommendations", RecSys 2018: KL(p || q). Each item spreads its weight evenly over its values;
    p is the mean over the history, q the mean over the list with a little of p mixed in. Items without a value
    count in neither.
    """

    def __init__(self, tastes: Tastes):
        self.of = tastes
        self.total = torch.zeros_like(tastes.taste)  # summed shares of the list
        self.count = torch.zeros(
            len(self.total), 1, dtype=torch.float64
        )  # items of the list that have values

    def now(self) -> torch.Tensor:
        """See `Gain`."""
        longer = self.count + 1
        total, before = (_at(x, self.of.values) for x in (self.total, self._log_mixed(longer)))
        after = (total.add_(self.of.share) * ((1 - MIXED_IN) / longer[:, :, None])).add_(self.of.least).log_()
        change = (self.of.wanted * after.sub_(before)).sum(2)
        return torch.where(
            self.of.known.any(2), self._closeness(longer) + change, self._closeness(self.count)
        )

    def _log_mixed(self, length: torch.Tensor) -> torch.Tensor:
        """float64 [n, values + 1]: log of the list's proportions if its length is `length`, float64 [n, 1]."""
        return ((1 - MIXED_IN) * self.total / length.clamp(min=1) + MIXED_IN * self.of.taste + TINY).log()

    def _closeness(self, length: torch.Tensor) -> torch.Tensor:
        """float64 [n, 1]: -KL(p || q) of the list if its length is `length`, float64 [n, 1]."""
        difference = (self.of.taste + TINY).log() - self._log_mixed(length)
        return -(self.of.taste * difference).sum(1, keepdim=True)

    def pick(self, position: torch.Tensor) -> None:
        """See `Gain`."""
        user = torch.arange(len(position))
        self.total.scatter_add_(1, self.of.values[user, position], self.of.share[user, position])
        self.count += self.of.known[user, position].any(1, keepdim=True)


def _at(table: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    """Entries of `table` [n, c] at the columns `values`, int64 [n, m, v] -> [n, m, v]."""
    return table.gather(1, values.flatten(1)).view(values.shape)


def _values_of(categories: csr_array, items: np.ndarray) -> np.ndarray:
    """int64 [n, m, v]: the category values of `items`, int64 [n, m], padded with -1."""
    counts = np.diff(categories.indptr)[items].ravel()
    values = np.full((items.size, max(1, int(counts.max(initial=0)))), -1, np.int64)
    row = np.repeat(np.arange(items.size), counts)
    flat = categories.indices[ranges(categories.indptr[items].ravel(), counts)]
    values[row, ranges(np.zeros_like(counts), counts)] = flat
    return values.reshape(*items.shape, -1)
