"""Implicit ALS: matrix factorisation of all pairs of user and item, weighted by confidence (Hu et al., ICDM 2008).

With p = 1 where the user chose the item and 0 elsewhere, it minimises the sum over all pairs of c (p - x·y)², plus
l2 (|x|² + |y|²) for all vectors. The confidence c is 1 + alpha for chosen items and 1 elsewhere. Users and items are
solved in turn: a user's vector is x = (YᵀY + alpha Σ y yᵀ + l2 I)⁻¹ (1 + alpha) Σ y, with sums over the history.
After the last step users are always computed from their history, so strangers are served. It cannot score new items.

Repeated choices count once; see `fusionrec.models.implicit_als`.
"""

from collections.abc import Iterator
from itertools import product
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.closed_form import ClosedForm, TrainData, single
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.implicit_als import Factorisation, fold_in, gram, item_factors
from fusionrec.models.interaction_matrix import matrix
from fusionrec.params import Count, Positive, Section, Weight


class Options(Section):
    """`factors`, the width of the vectors, `l2` and `alpha`: all values of the lists are tried."""

    factors: Annotated[list[Count], Field(min_length=1)]
    l2: Annotated[list[Positive], Field(min_length=1)]
    alpha: Annotated[list[Weight], Field(min_length=1)]
    iterations: Count


class Model(ClosedForm):
    """Vectors of items; users are solved for.

    Attributes:
        items: float32 [items, factors], Y.
        gram: float64 [factors, factors], YᵀY.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    items: torch.Tensor
    gram: torch.Tensor

    @classmethod
    def draws(cls, options: Any) -> bool:
        """See `ClosedForm.draws`: initial vectors."""
        return True

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
            model.items[:] = torch.from_numpy(item_factors(chosen, settings, train.seed))
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
