"""Numbers as piecewise linear functions of themselves."""

import numpy as np


def encode(values: np.ndarray, fitted_on: np.ndarray, bins: int) -> np.ndarray:
    """How far a number has come through each bin, so that a linear layer on it can bend at every edge.

    Gorishniy et al., "On Embeddings for Numerical Features in Tabular Deep Learning", NeurIPS 2022, with
    quantiles as edges; centred.

    Args:
        values: float [n].
        fitted_on: bool [n], whose quantiles and mean are taken.
        bins: at most so many; fewer where quantiles coincide.

    Returns:
        float32 [n, bins]: in each bin 0 below it, 1 above it, linear in between, minus the mean. Width 0 for
        a constant.

    >>> encode(np.array([0.0, 1.0, 2.0]), np.array([True, True, True]), 2).round(2)
    array([[-0.67, -0.33],
           [ 0.33, -0.33],
           [ 0.33,  0.67]], dtype=float32)
    """
    edges = np.unique(np.quantile(values[fitted_on].astype(np.float64), np.linspace(0, 1, bins + 1)))
    low, high = edges[:-1], edges[1:]
    encoded = np.clip((values[:, None] - low) / (high - low), 0, 1)
    return (encoded - encoded[fitted_on].mean(0)).astype(np.float32)
