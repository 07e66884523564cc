"""Numbers as piecewise linear functions of themselves."""

from typing import NamedTuple

import numpy as np


class Bins(NamedTuple):
    """The pieces of one number.

    Attributes:
        edges: float64 [bins + 1], ascending.
        centre: float64 [bins], the mean of each bin's values, which is subtracted.
    """

    edges: np.ndarray
    centre: np.ndarray


def fit(values: np.ndarray, bins: int) -> Bins:
    """Edges at the quantiles of `values`, float [n], at most `bins` bins; fewer if quantiles coincide."""
    edges = np.unique(np.quantile(values.astype(np.float64), np.linspace(0, 1, bins + 1)))
    return Bins(edges, _passed(values, edges).mean(0))


def encode(values: np.ndarray, bins: Bins) -> np.ndarray:
    """How far each number has advanced through each bin, so that a linear layer on it can bend at every edge.

    Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022, with
    quantiles as edges; centred.

    Args:
        values: float [n].
        bins: of `fit`.

    Returns:
        float32 [n, bins]: in each bin 0 below it, 1 above it, linear in between, minus the mean. Width 0 if
        all values that were fitted on are equal.

    >>> values = np.array([0.0, 1.0, 2.0])
    >>> encode(values, fit(values, 2)).round(2)
    array([[-0.67, -0.33],
           [ 0.33, -0.33],
           [ 0.33,  0.67]], dtype=float32)
    """
    return (_passed(values, bins.edges) - bins.centre).astype(np.float32)


def _passed(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    low, high = edges[:-1], edges[1:]
    return np.clip((values[:, None] - low) / (high - low), 0, 1)
