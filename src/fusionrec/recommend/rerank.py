"""Lists that are more than the best scores: diverse, novel, or true to the proportions of a user's taste.

Each method picks greedily, out of the best candidates of a user, what is worth most at each rank:

    (1 - strength) * relevance + strength * gain

where relevance is the score, scaled to [0, 1] over the user's candidates, and the gain is what the item adds to
those already picked (`fusionrec.recommend.rerank_gains`). The rule `weighted` puts a third term beside them:
(1 - strength - novelty) * relevance + strength * gain + novelty * how unknown the item is, scaled likewise.
Ties keep the order of the input, so that strength 0 is that order, exactly.
"""

from collections.abc import Callable

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.recommend.rerank_gains import (
    Calibration,
    Gain,
    LogVolume,
    MeanDistance,
    Nearest,
    RerankFeatures,
)
from fusionrec.recommend.rerank_options import Rerank

BY_VECTORS: dict[str, Callable[[torch.Tensor, np.ndarray], Gain]] = {
    "weighted": MeanDistance,
    "mmr": Nearest,
    "dpp": LogVolume,
}
VALUES = 2**22  # of the candidates' vectors or categories that are alive at once


def usable(traits: RerankFeatures) -> list[str]:
    """The methods that `traits` allow: some need vectors, one needs categories."""
    by_vectors = [*BY_VECTORS] if traits.vectors.any() else []
    return ["none", *by_vectors, *(["calibrated"] if traits.categories.nnz else [])]


def rerank(
    lists: Lists,
    traits: RerankFeatures,
    past: Histories | None,
    users: np.ndarray,
    k: int,
    options: Rerank,
) -> Lists:
    """Pick k of each user's candidates.

    Args:
        lists: the best `options.max_candidates` of each user, best first, padded with -1.
        traits: of all items.
        past: what each user is known to have chosen; only `calibrated` looks at it.
        users: int64 [n], rows of the user table.
        k: length of the lists.
        options: the method and its weights.

    Returns:
        Lists [n, k] in the order in which items were picked, with the scores that they had.

    Raises:
        UserError: if the method needs vectors or categories, and no item has any.
        ValueError: if `calibrated` gets no past.
    """
    n, candidates = lists.items.shape
    if options.method == "none":
        return _taken(lists, np.broadcast_to(np.arange(min(k, candidates)), (n, min(k, candidates))), k)
    if options.method not in usable(traits):
        what = "categories" if options.method == "calibrated" else "picture or text vectors"
        raise UserError(f"rerank.method: {options.method} needs {what}, and there are none; choose another")
    width = traits.categories.shape[1] if options.method == "calibrated" else traits.vectors.shape[1]
    length = max(1, VALUES // (candidates * width))
    picked = [np.zeros((0, min(k, candidates)), np.int64)]
    for start in range(0, n, length):
        part = slice(start, start + length)
        some = Lists(lists.items[part], lists.scores[part])
        gain = _gain(some.items, traits, past, users[part], options.method)
        picked.append(_greedy(_base(some, traits, options), gain, options.strength, min(k, candidates)))
    return _taken(lists, np.concatenate(picked), k)


def _base(lists: Lists, traits: RerankFeatures, options: Rerank) -> torch.Tensor:
    """float64 [n, m]: what a candidate is worth whatever else is picked; -inf for padding."""
    listed = torch.from_numpy(lists.items >= 0)
    relevance = _scaled(torch.from_numpy(lists.scores).double(), listed)
    worth = (1 - options.strength) * relevance
    if options.method == "weighted":
        novelty = _scaled(torch.from_numpy(traits.novelty)[lists.items], listed)
        worth = worth + options.novelty * (novelty - relevance)
    return worth.masked_fill(~listed, -torch.inf)


def _scaled(x: torch.Tensor, listed: torch.Tensor) -> torch.Tensor:
    """Each row to [0, 1] over what is listed; 0 where all are alike."""
    low = x.masked_fill(~listed, torch.inf).amin(1, keepdim=True)
    high = x.masked_fill(~listed, -torch.inf).amax(1, keepdim=True)
    spread = torch.where(high > low, high - low, 1)
    return torch.where(listed, (x - low) / spread, 0)


def _gain(
    items: np.ndarray, traits: RerankFeatures, past: Histories | None, users: np.ndarray, method: str
) -> Gain:
    candidates = torch.from_numpy(items).clamp(min=0)  # padding is never picked
    if method != "calibrated":
        return BY_VECTORS[method](candidates, traits.vectors)
    if past is None:
        raise ValueError("calibrated needs the users' past")
    return Calibration(candidates, traits.categories, past, users)


def _greedy(base: torch.Tensor, gain: Gain, strength: float, k: int) -> np.ndarray:
    """int64 [n, k]: positions of the candidates in the order in which they are picked, -1 where none is left."""
    picked = []
    for _ in range(k):
        best, position = (base + strength * gain.now()).max(1)  # the first of equals
        gain.pick(position)
        base.scatter_(1, position[:, None], -torch.inf)
        picked.append(torch.where(best > -torch.inf, position, -1))
    return torch.stack(picked, 1).numpy()


def _taken(lists: Lists, position: np.ndarray, k: int) -> Lists:
    """The candidates at `position`, padded to k."""
    items, scores = np.full((len(position), k), -1), np.full((len(position), k), -np.inf, np.float32)
    width = position.shape[1]
    items[:, :width] = np.where(position < 0, -1, np.take_along_axis(lists.items, position, 1))
    scores[:, :width] = np.where(position < 0, -np.inf, np.take_along_axis(lists.scores, position, 1))
    return Lists(items, scores)
