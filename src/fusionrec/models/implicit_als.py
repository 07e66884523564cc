"""Factors of users and items from interactions, by alternating least squares (Hu et al., ICDM 2008).

They minimise the sum over all pairs of c (p - x·y)², plus l2 (|x|² + |y|²) for all vectors, with p = 1 where the user
chose the item and 0 elsewhere; the confidence c is 1 + alpha for choices and 1 elsewhere. Users and items are solved in
turn: a user's vector is x = (YᵀY + alpha Σ y yᵀ + l2 I)⁻¹ (1 + alpha) Σ y, with sums over the history.

A history that is shorter than the vectors leads to a smaller system with the same solution, which saves most of the
time.
"""

from typing import NamedTuple

import numpy as np
import torch
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories
from fusionrec.models.interaction_matrix import histories_of, matrix
from fusionrec.params import Count, Positive, Section, Weight

VALUES = 2**23  # numbers that are in memory at once for the vectors of histories
SPREAD = 0.1  # standard deviation of the vectors at the start
SMALL = 0.01  # likewise, in `item_factors`


class AlsOptions(Section):
    """A choice weighs 1 + `alpha`, any other pair 1; `l2` is the penalty; `iterations` solve both sides once each."""

    alpha: Weight
    l2: Positive
    iterations: Count


class Factorisation(AlsOptions):
    """`factors` is the width of the vectors."""

    factors: Count


class Factors(NamedTuple):
    """float32 [users, dim] and [items, dim]; zeros for users and items without an interaction."""

    users: torch.Tensor
    items: torch.Tensor


def factorise(
    chosen: Histories, items: int, dim: int, options: AlsOptions, generator: torch.Generator
) -> Factors:
    """Factors of users and items.

    Args:
        chosen: the interactions; a pair counts once.
        items: number of items.
        dim: number of factors.
        options: see `AlsOptions`.
        generator: draws the factors of the items at the start.
    """
    start = SPREAD * torch.randn(items, dim, generator=generator, dtype=torch.float64).numpy()
    both = alternate(matrix(chosen, np.arange(len(chosen)), items), start, options)
    return Factors(*(torch.from_numpy(factors.astype(np.float32)) for factors in both))


def item_factors(chosen: csr_array, settings: Factorisation, seed: int) -> np.ndarray:
    """float64 [items, factors]: the vectors of items alone.

    Args:
        chosen: [users, items], 1 where a user chose an item.
        settings: see the module.
        seed: of the vectors at the start.
    """
    start = np.random.default_rng(seed).normal(0, SMALL, (chosen.shape[1], settings.factors))
    return alternate(chosen, start, settings)[1]


def alternate(chosen: csr_array, items: np.ndarray, options: AlsOptions) -> tuple[np.ndarray, np.ndarray]:
    """Solve users and items in turn: float64 [users, dim] and [items, dim].

    Args:
        chosen: [users, items], 1 where a user chose an item.
        items: float64 [items, dim], the vectors at the start.
        options: see `AlsOptions`.
    """
    chosen_by, l2, alpha = csr_array(chosen.T), options.l2, options.alpha
    users = np.zeros((chosen.shape[0], items.shape[1]))
    for _ in range(options.iterations):
        users = solve(items, items.T @ items, chosen, l2, alpha)
        items = solve(users, users.T @ users, chosen_by, l2, alpha)
    return users, items


def solve(vectors: np.ndarray, square: np.ndarray, chosen: csr_array, l2: float, alpha: float) -> np.ndarray:
    """float64 [rows, factors]: the vectors of one side, given those of the other.

    Rows with equally many entries are solved together, so that a row's vector does not depend on the others.

    Args:
        vectors: float64 [columns, factors], of the other side.
        square: float64 [factors, factors], vectorsᵀ vectors.
        chosen: [rows, columns], sparse; its values do not matter.
        l2: see the module.
        alpha: see the module.
    """
    width = len(square)
    base = square + l2 * np.eye(width)
    inverse, counts = np.linalg.inv(base), np.diff(chosen.indptr)
    solved = np.zeros((len(counts), width))
    for count in np.unique(counts[counts > 0]):
        rows = np.flatnonzero(counts == count)
        for part in np.array_split(rows, -(-len(rows) * count * width // VALUES)):
            columns = chosen.indices[chosen.indptr[part][:, None] + np.arange(count)]
            solved[part] = _solve_equally_long(vectors[columns], base, inverse, alpha)
    return solved


def _solve_equally_long(own: np.ndarray, base: np.ndarray, inverse: np.ndarray, alpha: float) -> np.ndarray:
    """[n, factors] from the vectors of histories, [n, count, factors]; `inverse` is that of `base`."""
    flipped, (count, width) = own.transpose(0, 2, 1), own.shape[1:]
    if count >= width:
        right = (1 + alpha) * own.sum(1)[:, :, None]
        return np.linalg.solve(base + alpha * (flipped @ own), right)[:, :, 0]
    # (base + alpha VᵀV)⁻¹ Vᵀ = base⁻¹ Vᵀ (I + alpha V base⁻¹ Vᵀ)⁻¹, a system of the history's length
    spread = own @ inverse
    weight = np.linalg.solve(np.eye(count) + alpha * (spread @ flipped), np.ones((len(own), count, 1)))
    return (1 + alpha) * (spread.transpose(0, 2, 1) @ weight)[:, :, 0]


def gram(items: torch.Tensor) -> torch.Tensor:
    """float64 [factors, factors]: YᵀY of vectors, float32 [items, factors]."""
    exact = items.numpy().astype(np.float64)
    return torch.from_numpy(exact.T @ exact)


def fold_in(
    items: torch.Tensor, square: torch.Tensor, latest: torch.Tensor, l2: float, alpha: float
) -> torch.Tensor:
    """float32 [n, factors]: the vectors of users from their histories, zeros for an empty one.

    Args:
        items: float32 [items, factors].
        square: float64 [factors, factors], YᵀY.
        latest: int64 [n, length], rows of `items`, padded with -1.
        l2: see the module.
        alpha: see the module.
    """
    vectors, chosen = items.cpu().numpy().astype(np.float64), histories_of(latest, len(items))
    users = solve(vectors, square.cpu().numpy(), chosen, l2, alpha)
    return torch.from_numpy(users.astype(np.float32)).to(items.device)
