"""Groups of pictures that look alike: an exact search that does not compare all pairs."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial.distance import cdist

from fusionrec.data.colour_layout import points
from fusionrec.data.perceptual_hash import BITS

COMPARED = 1 << 18  # pairs of hashes at a time, so that they fit into the cache of a core
HELD = 1 << 20  # close pairs that are kept before they are merged
SMALL = 256  # pictures, whose pairs are compared faster than the pictures are divided by colour
WORTHWHILE = 0.9  # share of the pairs that are left to compare after a division


def groups(hashes: np.ndarray, layouts: np.ndarray, distance: int, colour: float | None) -> np.ndarray:
    """Connected components of the graph whose edges join pictures that are close in brightness and in colour.

    Members of a group may differ more than that, if others lie between them. Time is about linear in the
    number of distinct pictures while `distance` is small and few of them have nearly the same hash, or while those
    that have differ in a few colours; memory is always bounded.

    Args:
        hashes: uint64 [n], see `perceptual_hash`.
        layouts: uint8 [n, 32], see `colour_layout`.
        distance: largest number of differing bits.
        colour: largest distance of `colour_layout.points`; None: colours do not count.

    Returns:
        int64 [n], for each picture the index of the first one of its group.
    """
    seen = np.zeros((len(hashes), 0), np.uint8) if colour is None else layouts
    whole = np.hstack([hashes[:, None].view(np.uint8), seen])
    _, first, inverse = np.unique(whole.view(f"V{whole.shape[1]}"), return_index=True, return_inverse=True)
    at = np.zeros((len(first), 1)) if colour is None else points(layouts[first])
    labels = np.arange(len(first))
    for left, right in _batches(_close_pairs(hashes[first], at, distance, colour or 0)):
        edges = coo_array((np.ones(len(left), bool), (labels[left], labels[right])), (len(labels),) * 2)
        labels = connected_components(edges, directed=False)[1][labels]
    _, first, group = np.unique(labels[inverse.ravel()], return_index=True, return_inverse=True)
    return first[group]


def _close_pairs(hashes: np.ndarray, at: np.ndarray, distance: int, reach: float) -> Iterator[np.ndarray]:
    """Index pairs [2, n] of pictures within `distance` and `reach`, each at least once."""
    for fewest, band in _bands(hashes, distance):
        order = np.argsort(band, kind="stable")
        _, starts, sizes = np.unique(band[order], return_index=True, return_counts=True)
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            bucket = order[start : start + size]
            for part in _divided(at[bucket], reach):
                members = bucket[part]
                for pairs in _close_members(hashes[members], at[members], (fewest, distance), reach):
                    yield members[pairs]


def _bands(hashes: np.ndarray, distance: int) -> Iterator[tuple[int, np.ndarray]]:
    """Keys that two hashes within `distance` share at least one of, and the fewest bits in which they differ then.

    If hashes are cut into `distance` + 1 bands of bits, two such hashes agree in at least one band
    (pigeonhole); see Norouzi et al., "Fast Exact Search in Hamming Space with Multi-Index Hashing", 2014. The
    whole hash comes first, so that equal ones, of which there can be many, are not compared in each band again.
    """
    yield 0, hashes
    bounds = np.linspace(0, BITS, distance + 2).astype(np.uint64)
    for low, high in pairwise(bounds):
        yield 1, hashes << (np.uint64(BITS) - high) >> (np.uint64(BITS) - high + low)


def _divided(at: np.ndarray, reach: float) -> Iterator[np.ndarray]:
    """Index arrays, such that any two points within `reach` are in one of them; as few pairs besides as possible.

    Points are divided at the mean of a coordinate. The halves overlap by `reach`, so no such pair is lost.
    """
    waiting = [np.arange(len(at))]
    while waiting:
        rows = waiting.pop()
        if len(rows) > SMALL:
            middle = at[rows].mean(0)
            lower, upper = at[rows] <= middle + reach, at[rows] > middle
            left = lower.sum(0, dtype=float) ** 2 + upper.sum(0, dtype=float) ** 2
            best = left.argmin()
            if left[best] < WORTHWHILE * len(rows) ** 2:
                waiting += [rows[lower[:, best]], rows[upper[:, best]]]
                continue
        yield rows


def _close_members(
    hashes: np.ndarray, at: np.ndarray, bits: tuple[int, int], reach: float
) -> Iterator[np.ndarray]:
    """All pairs that differ in a number of bits within `bits`, a few rows of the matrix at a time."""
    rows = max(1, COMPARED // len(hashes))
    for start in range(0, len(hashes), rows):
        differing = np.bitwise_count(hashes[start : start + rows, None] ^ hashes[start:])
        close = (differing >= bits[0]) & (differing <= bits[1])
        if close.any():
            close &= cdist(at[start : start + rows], at[start:]) <= reach
            yield np.stack(np.nonzero(close)) + start


def _batches(pairs: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
    """Pairs [2, n], joined into few batches of bounded size."""
    held: list[np.ndarray] = []
    waiting = 0
    for some in pairs:
        held.append(some)
        waiting += some.shape[1]
        if waiting > HELD:
            yield np.concatenate(held, axis=1)
            held, waiting = [], 0
    if held:
        yield np.concatenate(held, axis=1)
