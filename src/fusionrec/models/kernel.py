"""Gaussian kernels of items, by the distances of their features."""

import torch

SAMPLE = 2000  # items whose distances the median is of; more would hardly change it


def squared_distances(left: torch.Tensor, right: torch.Tensor) -> torch.Tensor:
    """float64 [n, m]: squared Euclidean distances of rows, from products, which have the same bits on every CPU."""
    left, right = left.double(), right.double()
    squares = left.square().sum(1)[:, None] + right.square().sum(1)
    return squares.addmm_(left, right.T, alpha=-2).clamp_(min=0)


def median_distance(features: torch.Tensor) -> float:
    """The median distance of two rows of `features`, [n, width]; 0 if there are fewer than two."""
    some = features[:: -(-max(len(features), 1) // SAMPLE)]
    pairs = squared_distances(some, some)[tuple(torch.triu_indices(len(some), len(some), 1))]
    return float(pairs.median().sqrt()) if len(pairs) else 0.0


def gaussian(left: torch.Tensor, right: torch.Tensor, bandwidth: float | torch.Tensor) -> torch.Tensor:
    """float64 [n, m]: exp(-d² / (2 bandwidth²)) of the distances d of rows."""
    return squared_distances(left, right).mul_(-0.5 / bandwidth**2).exp_()
