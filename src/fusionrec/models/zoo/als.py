"""Implicit ALS: matrix factorisation of all pairs of user and item, weighted by confidence (Hu et al., ICDM 2008).

With p = 1 where the user chose the item and 0 elsewhere, it minimises the sum over all pairs of c (p - x·y)², plus
l2 (|x|² + |y|²) for all vectors. The confidence c is 1 + alpha for chosen items and 1 elsewhere. Users and items are
solved in turn: a user's vector is x = (YᵀY + alpha Σ y yᵀ + l2 I)⁻¹ (1 + alpha) Σ y, with sums over the history.
After the last step users are always computed from their history, so strangers are served. It cannot score new items.

Repeated choices count once. A history that is shorter than the vectors leads to a smaller system with the same
solution, which saves most of the time.
"""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field
from scipy.sparse import csr_array

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.closed_form import TrainData, single
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.inner_product import InnerProduct, histories_of
from fusionrec.models.interaction_matrix import matrix
from fusionrec.params import Count, Positive, Section, Weight

VALUES = 2**23  # numbers that are in memory at once for the vectors of histories


class Factorisation(Section):
    """`factors` is the width of the vectors, `l2` and `alpha` as above, `iterations` solve both sides once each."""

    factors: Count
    l2: Positive
    alpha: Weight
    iterations: Count


class Options(Section):
    """`factors`, the width of the vectors, `l2` and `alpha`: all values of the lists are tried."""

    factors: Annotated[list[Count], Field(min_length=1)]
    l2: Annotated[list[Positive], Field(min_length=1)]
    alpha: Annotated[list[Weight], Field(min_length=1)]
    iterations: Count


class Model(InnerProduct):
    """Vectors of items; users are solved for.

    Attributes:
        items: float32 [items, factors], Y.
        gram: float64 [factors, factors], YᵀY.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    items: torch.Tensor
    gram: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        width = options.factors[0]
        self.register_buffer("items", torch.zeros(data.items, width))
        self.register_buffer("gram", torch.zeros(width, width, dtype=torch.float64))

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`: alternate for each combination."""
        chosen = matrix(train.histories, np.arange(len(train.histories)), data.items)
        for factors, l2, alpha in product(options.factors, options.l2, options.alpha):
            settings = Factorisation(factors=factors, l2=l2, alpha=alpha, iterations=options.iterations)
            model = cls(single(options, factors=factors, l2=l2, alpha=alpha), data)
            model.items[:] = torch.from_numpy(factorise(chosen, settings, train.seed))
            model.gram[:] = gram(model.items)
            yield model

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `Model.towers`."""
        items = self.items if candidates is None else self.items[candidates]
        past = self.items if history is None else self.items[history]
        return Towers(items, items.new_zeros(len(items)), past)

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `Model.user_vectors`; the history is a set."""
        return fold_in(towers.history, self.gram, latest, self.options.l2[0], self.options.alpha[0])


def factorise(chosen: csr_array, settings: Factorisation, seed: int) -> np.ndarray:
    """float64 [items, factors]: the vectors of items.

    Args:
        chosen: [users, items], 1 where a user chose an item.
        settings: see the module.
        seed: of the initial vectors, which are normal with deviation 0.01.
    """
    chosen_by = csr_array(chosen.T)
    items = np.random.default_rng(seed).normal(0, 0.01, (chosen.shape[1], settings.factors))
    for _ in range(settings.iterations):
        users = solve(items, items.T @ items, chosen, settings.l2, settings.alpha)
        items = solve(users, users.T @ users, chosen_by, settings.l2, settings.alpha)
    return items


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
