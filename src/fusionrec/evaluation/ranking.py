"""Ranking the whole catalogue, exactly: score descending, ties by item row."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.recommender import Recommender

CHUNK = 1024


class Lists(NamedTuple):
    """Ranked lists: items int64 [n, k], -1 where no candidate was left; scores float32 [n, k]."""

    items: np.ndarray
    scores: np.ndarray


def top_k(recommender: Recommender, users: np.ndarray, past: Histories, k: int, chunk: int = CHUNK) -> Lists:
    """The k best items of each user that are not in the user's past.

    Args:
        recommender: scores the catalogue.
        users: int64 [n], rows of the user table.
        past: what is known of each user: input of the recommender, and no candidate.
        k: length of the lists.
        chunk: users a matrix product. The last chunk is filled up to this length, because a product's last
            bits may depend on its shape.

    Raises:
        ValueError: if a candidate's score is NaN.
    """
    parts = [_best(scores, k) for _, scores in masked_scores(recommender, users, past, chunk)]
    items = np.concatenate([part.items for part in parts]) if parts else np.zeros((0, k), np.int64)
    return Lists(items, np.concatenate([p.scores for p in parts]) if parts else items.astype(np.float32))


def masked_scores(
    recommender: Recommender, users: np.ndarray, past: Histories, chunk: int = CHUNK
) -> Iterator[tuple[np.ndarray, torch.Tensor]]:
    """Some of `users` and their scores of the catalogue, -inf for their past; see `top_k`."""
    for start in range(0, len(users), chunk):
        part = users[start : start + chunk]
        scores = recommender.score(np.resize(part, chunk), past)[: len(part)]
        row, item = (torch.from_numpy(x).to(scores.device) for x in past.pairs(part))
        scores[row, item] = -torch.inf
        yield part, scores


def _best(scores: torch.Tensor, k: int) -> Lists:
    """`topk` leaves the order of ties open: where the last one taken ties with the next, take them by row."""
    length = min(k, scores.shape[1])
    value, index = scores.topk(min(length + 1, scores.shape[1]))
    if torch.isnan(value[:, 0]).any():  # NaN counts as the largest
        raise ValueError("a score is NaN")
    last, after, index = value[:, length - 1], value[:, length:], index[:, :length]
    for user in ((after == last[:, None]) & (after > -torch.inf)).any(1).nonzero().squeeze(1).tolist():
        candidates = (scores[user] >= last[user]).nonzero().squeeze(1)
        order = scores[user, candidates].sort(descending=True, stable=True).indices[:length]
        index[user] = candidates[order]
    index = index.sort(1).values  # rows ascending, so that the stable sort by score breaks ties by row
    value, order = scores.gather(1, index).sort(dim=1, descending=True, stable=True)
    index = index.gather(1, order).masked_fill(value == -torch.inf, -1)
    padding = (0, k - length)
    index = torch.nn.functional.pad(index, padding, value=-1)
    value = torch.nn.functional.pad(value, padding, value=-torch.inf)
    return Lists(index.cpu().numpy(), value.cpu().numpy())


def hits(items: np.ndarray, users: np.ndarray, held_out: Histories, catalogue: int) -> np.ndarray:
    """bool [n, k]: which entries of the lists `items` were held out for their user.

    Args:
        items: int64 [n, k], as of `top_k`.
        users: int64 [n].
        held_out: relevant items.
        catalogue: number of items.
    """
    position, item = held_out.pairs(users)
    relevant = np.sort(position * catalogue + item)
    key = np.arange(len(users))[:, None] * catalogue + items
    place = np.minimum(np.searchsorted(relevant, key), max(len(relevant) - 1, 0))
    return (items >= 0) & (relevant[place] == key) if len(relevant) else np.zeros(items.shape, bool)
