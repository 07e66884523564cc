"""Exact ranking of the whole catalogue: by score, descending; ties by item row."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.recommender import Recommender

# users in one matrix product: more write their scores farther from the cache, fewer repack the items more often
CHUNK = 512
VALUES = 2**26  # most scores in a chunk
LEAST_BLOCK = 32  # shorter blocks make the search for maxima slow


class Lists(NamedTuple):
    """Ranked lists: items int64 [n, k], -1 where there are no more candidates; scores float32 [n, k]."""

    items: np.ndarray
    scores: np.ndarray


def top_k(recommender: Recommender, users: np.ndarray, past: Histories, k: int, chunk: int = CHUNK) -> Lists:
    """The k best items of each user that are not in the user's past.

    Args:
        recommender: scores the catalogue.
        users: int64 [n], rows of the user table.
        past: known interactions of each user: input of the recommender, and never listed.
        k: length of the lists.
        chunk: users in one matrix product; fewer if these would have more than `VALUES` scores. The last chunk is
            padded to this length, because the last bits of a product may depend on its shape.

    Raises:
        ValueError: if a candidate's score is NaN.
    """
    chunk = _fitting(recommender, users, past, chunk)
    starts = range(0, len(users), chunk)
    parts = [best(_masked(recommender, users[start : start + chunk], past, chunk), k) for start in starts]
    items = np.concatenate([part.items for part in parts]) if parts else np.zeros((0, k), np.int64)
    return Lists(items, np.concatenate([p.scores for p in parts]) if parts else items.astype(np.float32))


def masked_scores(
    recommender: Recommender, users: np.ndarray, past: Histories, chunk: int = CHUNK
) -> Iterator[tuple[np.ndarray, torch.Tensor]]:
    """Chunks of `users`, int64 [n], with their scores, float32 [n, items], -inf for their past; see `top_k`."""
    chunk = _fitting(recommender, users, past, chunk)
    for start in range(0, len(users), chunk):
        part = users[start : start + chunk]
        yield part, _masked(recommender, part, past, chunk)


def _fitting(recommender: Recommender, users: np.ndarray, past: Histories, chunk: int) -> int:
    """`chunk`, or fewer users if these would have more than `VALUES` scores."""
    items = recommender.score(users[:1], past).shape[1] if len(users) and chunk > 1 else 0
    return min(chunk, max(1, VALUES // max(items, 1)))


def _masked(recommender: Recommender, users: np.ndarray, past: Histories, chunk: int) -> torch.Tensor:
    scores = recommender.score(np.resize(users, chunk), past)[: len(users)]
    row, item = (torch.from_numpy(x).to(scores.device) for x in past.pairs(users))
    scores[row, item] = -torch.inf
    return scores


def best(scores: torch.Tensor, k: int) -> Lists:
    """The k best of each row of `scores`, float32 [n, items]: descending, ties by column, without -inf.

    Each row is divided into blocks. The k-th largest of their maxima is a lower bound that at least k items reach,
    and few more. So after one pass over the scores only a few blocks are read again, and only a few candidates are
    sorted.

    Raises:
        ValueError: if a score is NaN.
    """
    items = scores.shape[1]
    length = min(k, items)
    # a compromise: fewer blocks have fewer maxima, and shorter blocks are faster to search
    block = max(LEAST_BLOCK, 1 << math.isqrt(4 * items // max(length, 1)).bit_length() - 1)
    if items < 2 * block * length:
        _refuse_nan(scores)
        index = _sorted(scores, length)
    else:
        index = _among_blocks(scores.contiguous(), length, block)
    value = scores.gather(1, index)
    index = index.masked_fill(value == -torch.inf, -1)
    padding = (0, k - length)
    index = torch.nn.functional.pad(index, padding, value=-1)
    value = torch.nn.functional.pad(value, padding, value=-torch.inf)
    return Lists(index.cpu().numpy(), value.cpu().numpy())


def _sorted(scores: torch.Tensor, k: int) -> torch.Tensor:
    """int64 [n, k]: columns of the k largest scores, by sorting integers that break ties by column.

    The bits of a float, with those of the magnitude inverted if it is negative, sort as the float does. They are the
    upper half of each integer; the lower half is the column, descending.
    """
    bits = (scores + 0.0).view(torch.int32)  # + 0: -0 becomes 0
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).long() << 32
    return -_largest(ordered - torch.arange(scores.shape[1], device=scores.device), k) & 0xFFFFFFFF


def _among_blocks(scores: torch.Tensor, k: int, block: int) -> torch.Tensor:
    """int64 [n, k]: the same as `_sorted`, for catalogues of many blocks, whose length is a power of 2."""
    n, items = scores.shape
    full, rest = divmod(items, block)
    maxima = scores[:, : full * block].unflatten(1, (full, block)).amax(2)
    if rest:
        maxima = torch.cat([maxima, scores[:, full * block :].amax(1, keepdim=True)], 1)
    _refuse_nan(maxima)
    bound = _kth_largest(maxima, k)
    reached = maxima >= bound
    if reached.sum() > 2 * n * k:  # of the blocks whose maximum is the bound, the first k are enough
        ties = maxima == bound
        reached &= ~ties | (ties.cumsum(1) <= k)

    row, number = reached.nonzero(as_tuple=True)
    start = (number * block).clamp_(max=items - block)
    windows = scores.as_strided((n * items - block + 1, block), (1, 1)).index_select(0, row * items + start)
    if rest:  # the last block overlaps the one before
        windows[number == full, : block - rest] = -torch.inf
    place = _true(windows >= bound[row])
    window = place >> (block.bit_length() - 1)
    row, column = row[window], start[window] + (place & (block - 1))  # rows ascend, and columns in them

    count = torch.bincount(row, minlength=n)
    width = int(count.max())
    rows, entries = (torch.arange(length, device=row.device) for length in (n, len(row)))
    slot = entries + (width * rows - count.cumsum(0) + count)[row]
    values, columns = scores.new_full((n, width), -torch.inf), row.new_zeros(n, width)
    values.view(-1)[slot], columns.view(-1)[slot] = windows.view(-1)[place], column
    return columns.gather(1, _sorted(values, k))


def _largest(x: torch.Tensor, k: int) -> torch.Tensor:
    """The k largest of each row of `x`, descending. numpy is several times faster than torch here."""
    if x.is_cuda:
        return x.topk(k).values
    found = x.numpy()
    if k < x.shape[1]:
        found = np.partition(found, -k, 1)[:, -k:]
    return torch.from_numpy(np.sort(found, 1)[:, ::-1].copy())


def _kth_largest(x: torch.Tensor, k: int) -> torch.Tensor:
    """[n, 1]: the k-th largest of each row of `x`."""
    if x.is_cuda:
        return x.topk(k, sorted=False).values.amin(1, keepdim=True)
    return torch.from_numpy(np.partition(x.numpy(), -k, 1)[:, [-k]])


def _true(mask: torch.Tensor) -> torch.Tensor:
    """int64 [n]: where `mask`, flattened, is true."""
    return (
        mask.view(-1).nonzero().squeeze(1) if mask.is_cuda else torch.from_numpy(np.flatnonzero(mask.numpy()))
    )


def _refuse_nan(scores: torch.Tensor) -> None:
    if scores.numel() and torch.isnan(scores.amax()):
        raise ValueError("a score is NaN")


def hits(items: np.ndarray, users: np.ndarray, held_out: Histories, catalogue: int) -> np.ndarray:
    """bool [n, k]: which entries of the lists `items` are held out for their user.

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
