"""Factors of users and items from interactions, by alternating least squares (Hu et al., ICDM 2008)."""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories
from fusionrec.models.interaction_matrix import matrix
from fusionrec.params import Count, Positive, Section, Weight

SPREAD = 0.1  # standard deviation of the factors at the start


class AlsOptions(Section):
    """A choice weighs 1 + `alpha`, any other pair 1; `l2` is the penalty on the factors."""

    alpha: Weight
    l2: Positive
    iterations: Count


class Factors(NamedTuple):
    """float32 [users, dim] and [items, dim]; zeros for users and items without an interaction."""

    users: torch.Tensor
    items: torch.Tensor


def factorise(
    chosen: Histories, items: int, dim: int, options: AlsOptions, generator: torch.Generator
) -> Factors:
    """Factors x of users and y of items that minimise the weighted squared error of x·y.

    The target is 1 for a choice and 0 for any other pair: the sum of c (p - x·y)² + l2 (|x|² + |y|²), with p = 1 and
    c = 1 + alpha for a choice, p = 0 and c = 1 otherwise.

    Args:
        chosen: the interactions; a pair counts once.
        items: number of items.
        dim: number of factors.
        options: see `AlsOptions`.
        generator: draws the factors of the items at the start.
    """
    by_user = matrix(chosen, np.arange(len(chosen)), items)
    by_item = csr_array(by_user.T)
    y = SPREAD * torch.randn(items, dim, generator=generator, dtype=torch.float64).numpy()
    for _ in range(options.iterations):
        x = solve(by_user, y, options)
        y = solve(by_item, x, options)
    return Factors(*(torch.from_numpy(factors.astype(np.float32)) for factors in (x, y)))


def solve(rows: csr_array, others: np.ndarray, options: AlsOptions) -> np.ndarray:
    """float64 [n, dim]: the best factors of each row, given the factors of the other side.

    x = (Y'Y + alpha Y₁'Y₁ + l2 I)⁻¹ (1 + alpha) Y₁'1, where Y₁ has the rows of Y that were chosen.

    Args:
        rows: [n, m], 1 where row and column meet in a choice.
        others: float64 [m, dim].
        options: see `AlsOptions`.
    """
    everything = others.T @ others + options.l2 * np.eye(others.shape[1])
    factors = np.zeros((rows.shape[0], others.shape[1]))
    for row, (start, end) in enumerate(zip(rows.indptr[:-1], rows.indptr[1:], strict=True)):
        if end > start:
            own = others[rows.indices[start:end]]
            left = everything + options.alpha * own.T @ own
            factors[row] = np.linalg.solve(left, (1 + options.alpha) * own.sum(0))
    return factors
