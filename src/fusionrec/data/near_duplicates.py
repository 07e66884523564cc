"""Groups of pictures that look alike: an exact search that does not compare all pairs."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from fusionrec.data.perceptual_hash import BITS

COMPARED = 1 << 18  # pairs of hashes at a time, so that they fit into the cache of a core
HELD = 1 << 20  # close pairs that are kept before they are merged


def groups(hashes: np.ndarray, distance: int) -> np.ndarray:
    """Connected components of the graph whose edges join hashes that differ in at most `distance` bits.

    Members of a group may differ in more bits than that, if others lie between them. Time is about linear in
    the number of distinct hashes while `distance` is small; memory is always bounded.

    Args:
        hashes: uint64 [n].
        distance: in bits.

    Returns:
        int64 [n], for each hash the index of the first one of its group.
    """
    distinct, inverse = np.unique(hashes, return_inverse=True)
    labels = np.arange(len(distinct))
    for left, right in _batches(_close_pairs(distinct, distance)):
        edges = coo_array((np.ones(len(left), bool), (labels[left], labels[right])), (len(labels),) * 2)
        labels = connected_components(edges, directed=False)[1][labels]
    _, first, group = np.unique(labels[inverse], return_index=True, return_inverse=True)
    return first[group]


def _close_pairs(distinct: np.ndarray, distance: int) -> Iterator[np.ndarray]:
    """Index pairs [2, n] of hashes within `distance`, each at least once.

    If hashes are cut into `distance` + 1 bands of bits, two such hashes agree in at least one band
    (pigeonhole), so only hashes with an equal band are compared; see Norouzi et al., "Fast Exact Search in
    Hamming Space with Multi-Index Hashing", 2014.
    """
    bounds = np.linspace(0, BITS, distance + 2).astype(np.uint64)
    for low, high in pairwise(bounds):
        band = distinct << (np.uint64(BITS) - high) >> (np.uint64(BITS) - high + low)
        order = np.argsort(band, kind="stable")
        _, starts, sizes = np.unique(band[order], return_index=True, return_counts=True)
        for start, size in zip(starts[sizes > 1], sizes[sizes > 1], strict=True):
            members = order[start : start + size]
            for pairs in _close_in_bucket(distinct[members], distance):
                yield members[pairs]


def _close_in_bucket(bucket: np.ndarray, distance: int) -> Iterator[np.ndarray]:
    """All pairs, a few rows of the matrix of differences at a time."""
    rows = max(1, COMPARED // len(bucket))
    for start in range(0, len(bucket), rows):
        differing = np.bitwise_count(bucket[start : start + rows, None] ^ bucket[start:])
        yield np.stack(np.nonzero(differing <= distance)) + start


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
