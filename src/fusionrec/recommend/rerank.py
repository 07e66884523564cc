"""Re-ranks lists to be more diverse, more novel, or closer to the categories of a user's history.

Each method is greedy: at each rank it picks the candidate of a user with the largest

    (1 - strength) * relevance + strength * gain

Relevance is the score, scaled to [0, 1] over the user's candidates. The gain is what the item adds to the items
already picked (`fusionrec.recommend.rerank_gains`). The method `weighted` has a third term:

    (1 - strength - novelty) * relevance + strength * gain + novelty * how unknown the item is (scaled to [0, 1])

Ties keep the order of the input, so with strength 0 a list keeps its order exactly.
"""

from collections.abc import Callable, Sequence
from functools import cached_property

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.recommend.rerank_gains import (
    Calibration,
    Gain,
    LogVolume,
    MaximalMarginalRelevance,
    MeanDistance,
    RerankFeatures,
    Similarity,
    Tastes,
)
from fusionrec.recommend.rerank_options import Rerank

BY_VECTORS: dict[str, Callable[[Similarity], Gain]] = {
    "weighted": MeanDistance,
    "mmr": MaximalMarginalRelevance,
    "dpp": LogVolume,
}
VALUES = 2**22  # values of the candidates' vectors, cosines or categories that are in memory at once


def usable(features: RerankFeatures) -> list[str]:
    """The methods that can be used: some need vectors of items, one needs categories."""
    by_vectors = [*BY_VECTORS] if features.vectors.any() else []
    return ["none", *by_vectors, *(["calibrated"] if features.categories.nnz else [])]


def rerank(
    lists: Lists,
    features: RerankFeatures,
    past: Histories | None,
    users: np.ndarray,
    k: int,
    options: Rerank,
) -> Lists:
    """Pick k of each user's candidates.

    Args:
        lists: the best `options.max_candidates` of each user, best first, padded with -1.
        features: features of all items.
        past: the history of each user; used by `calibrated` only.
        users: int64 [n], rows of the user table.
        k: length of the lists.
        options: the method and its weights.

    Returns:
        Lists [n, k] in the order in which items were picked, with their original scores; items padded with -1.

    Raises:
        UserError: if the method needs vectors or categories and no item has them.
        ValueError: if the method is `calibrated` and `past` is None.
    """
    (found,) = variants(lists, features, past, users, k, [options])
    return found


def variants(
    lists: Lists,
    features: RerankFeatures,
    past: Histories | None,
    users: np.ndarray,
    k: int,
    options: Sequence[Rerank],
) -> list[Lists]:
    """The lists of each of `options`, as `rerank` gives them; what they have in common is computed once."""
    for each in options:
        refuse(each.method, features)
    n, candidates = lists.items.shape
    picked_each = min(k, candidates)
    values = max(1, features.vectors.shape[1], features.categories.shape[1], candidates)
    length = max(1, VALUES // (max(candidates, 1) * values))
    picks = picked_each * sum(each.method in BY_VECTORS for each in options)
    positions = [[np.zeros((0, picked_each), np.int64)] for _ in options]
    for start in range(0, n, length):
        part = slice(start, start + length)
        batch = Batch(Lists(lists.items[part], lists.scores[part]), features, past, users[part], picks)
        for found, each in zip(positions, options, strict=True):
            found.append(batch.picked(each, picked_each))
    return [_taken(lists, np.concatenate(found), k) for found in positions]


def refuse(method: str, features: RerankFeatures) -> None:
    """Refuse a method that no item has the features for.

    Raises:
        UserError: if it is one.
    """
    if method not in usable(features):
        missing = "categories" if method == "calibrated" else "picture or text vectors"
        raise UserError(f"rerank.method: {method} needs {missing}, and no item has any; use another method")


class Batch:
    """Some users and their candidates.

    Args:
        lists: the candidates.
        features: features of all items.
        past: the history of each user.
        users: int64 [n], rows of the user table.
        picks: how many candidates are picked by cosines, by all methods and strengths together.
    """

    def __init__(
        self, lists: Lists, features: RerankFeatures, past: Histories | None, users: np.ndarray, picks: int
    ):
        self.lists, self.features, self.past, self.users, self.picks = lists, features, past, users, picks
        self.candidates = torch.from_numpy(lists.items).clamp(min=0)  # padding is never picked

    @cached_property
    def similarity(self) -> Similarity:
        """Cosines between candidates."""
        return Similarity(self.candidates, self.features.vectors, self.picks)

    @cached_property
    def tastes(self) -> Tastes:
        """Categories of the candidates, and of the users' histories.

        Raises:
            ValueError: if there are no histories.
        """
        if self.past is None:
            raise ValueError("calibrated needs the past of the users")
        return Tastes(self.candidates, self.features.categories, self.past, self.users)

    def picked(self, options: Rerank, k: int) -> np.ndarray:
        """int64 [n, k]: positions of the candidates in the order in which they are picked, -1 if none is left."""
        if options.method == "none":
            return np.broadcast_to(np.arange(k), (len(self.users), k))
        by_vectors = BY_VECTORS.get(options.method)
        gain = by_vectors(self.similarity) if by_vectors else Calibration(self.tastes)
        return _greedy(_base(self.lists, self.features, options), gain, options.strength, k)


def _base(lists: Lists, features: RerankFeatures, options: Rerank) -> torch.Tensor:
    """float64 [n, m]: the part of a candidate's value that does not depend on other picks; -inf for padding."""
    listed = torch.from_numpy(lists.items >= 0)
    relevance = _scaled(torch.from_numpy(lists.scores).double(), listed)
    base = (1 - options.strength) * relevance
    if options.method == "weighted":
        novelty = _scaled(torch.from_numpy(features.novelty)[lists.items], listed)
        base = base + options.novelty * (novelty - relevance)
    return base.masked_fill(~listed, -torch.inf)


def _scaled(x: torch.Tensor, listed: torch.Tensor) -> torch.Tensor:
    """Scale each row to [0, 1] over its listed entries; 0 if they are all equal."""
    low = x.masked_fill(~listed, torch.inf).amin(1, keepdim=True)
    high = x.masked_fill(~listed, -torch.inf).amax(1, keepdim=True)
    spread = torch.where(high > low, high - low, 1)
    return torch.where(listed, (x - low) / spread, 0)


def _greedy(base: torch.Tensor, gain: Gain, strength: float, k: int) -> np.ndarray:
    """See `Batch.picked`."""
    picked = []
    for _ in range(k):
        best, position = (base + strength * gain.now()).max(1)  # ties: the first
        gain.pick(position)
        base.scatter_(1, position[:, None], -torch.inf)
        picked.append(torch.where(best > -torch.inf, position, -1))
    return torch.stack(picked, 1).numpy()


def _taken(lists: Lists, position: np.ndarray, k: int) -> Lists:
    """The candidates at `position`, int64 [n, <= k], as lists [n, k]; items padded with -1."""
    items, scores = np.full((len(position), k), -1), np.full((len(position), k), -np.inf, np.float32)
    width = position.shape[1]
    items[:, :width] = np.where(position < 0, -1, np.take_along_axis(lists.items, position, 1))
    scores[:, :width] = np.where(position < 0, -np.inf, np.take_along_axis(lists.scores, position, 1))
    return Lists(items, scores)
