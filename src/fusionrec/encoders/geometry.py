"""A catalogue in an encoder's space: nearest neighbours, and the plane of the largest variance.

Vectors are scaled to length 1, so that distances in the plane correspond to cosines. They are read in blocks, so
memory does not grow with the number of items times the width.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch

from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.data.pca import principal_axes

BLOCK = 8192  # items
SAMPLE = 10_000  # items
DECIMALS = 6  # of a cosine: smaller differences are rounding errors, as between copies of a picture


class Neighbours(NamedTuple):
    """Some items and those nearest to them.

    Attributes:
        queries: int64 [queries].
        items: int64 [queries, neighbours], nearest first.
        cosines: float64 [queries, neighbours].
        medians: float64 [queries], of the cosines to all other present items.
    """

    queries: np.ndarray
    items: np.ndarray
    cosines: np.ndarray
    medians: np.ndarray


def spread(features: EncoderVectors, count: int) -> np.ndarray:
    """int64 [at most `count`]: present items, evenly spaced in the catalogue, no two with the same vector."""
    rows = np.flatnonzero(features.present)
    _, first = np.unique(features.matrix.sum(1)[rows], return_index=True)  # equal vectors have equal sums
    rows = rows[np.sort(first)]
    count = min(count, len(rows))
    return rows[np.arange(count) * len(rows) // max(count, 1)]


def nearest(features: EncoderVectors, queries: np.ndarray, count: int) -> Neighbours:
    """The `count` items with the largest cosine to each query, or as many as there are.

    Exact, over all present items except the query itself; if cosines are equal, the earlier item comes first.

    Args:
        features: at least two items are present.
        queries: int64 [queries], present items.
        count: of neighbours.
    """
    asked = _unit(features.matrix[queries])
    cosines = torch.cat([asked @ block.T for block in _blocks(features)], 1).numpy().round(DECIMALS)
    cosines[:, ~features.present] = np.nan
    cosines[np.arange(len(queries)), queries] = np.nan
    count = min(count, int(features.present.sum()) - 1)
    items = np.argsort(-cosines, axis=1, kind="stable")[:, :count]  # NaN comes last
    return Neighbours(queries, items, np.take_along_axis(cosines, items, 1), np.nanmedian(cosines, axis=1))


def plane(features: EncoderVectors) -> tuple[np.ndarray, np.ndarray]:
    """The first two principal components.

    Jolliffe, "Principal component analysis", Springer 2002. t-SNE and UMAP separate groups more clearly, but
    their results are not reproducible to the bit, and distances between their groups have no meaning.

    Args:
        features: with two columns or more, and at least two present items. If more than `SAMPLE` items are
            present, the components are fitted on evenly spaced ones of them.

    Returns:
        float64 [items, 2], the centred vectors in the plane, zeros for absent items; and float64 [2], the share
        of the variance that each component explains.
    """
    rows = np.flatnonzero(features.present)
    sample = _unit(features.matrix[rows[:: -(-len(rows) // SAMPLE)]])
    mean = sample.mean(0)
    sample -= mean
    variances, axes = principal_axes(sample, 2)
    points = torch.cat([(block - mean) @ axes for block in _blocks(features)]).numpy()
    shares = variances[:2].clamp(min=0) / variances.sum().clamp(min=torch.finfo(torch.float64).tiny)
    return points * features.present[:, None], shares.numpy()


def _blocks(features: EncoderVectors) -> Iterator[torch.Tensor]:
    """The whole catalogue as unit vectors, float64 [<= BLOCK, width]; absent items stay zero."""
    for start in range(0, len(features.matrix), BLOCK):
        yield _unit(features.matrix[start : start + BLOCK])


def _unit(vectors: np.ndarray) -> torch.Tensor:
    return torch.nn.functional.normalize(torch.from_numpy(vectors.astype(np.float64)), dim=1)
