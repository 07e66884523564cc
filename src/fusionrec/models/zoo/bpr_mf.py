"""Matrix factorisation of user and item ids, with Bayesian personalised ranking (Rendle et al., UAI 2009).

The score of a user and an item is the inner product of their vectors plus the item's bias.
"""

from typing import Annotated, Any

import torch
from torch import nn

from fusionrec.choices import Choice
from fusionrec.models.contract import ModelData
from fusionrec.models.id_vectors import IdVectors
from fusionrec.params import Count, Section, Weight


class Options(Section):
    """`dim` is the width of the vectors, `l2` the penalty on those of a step's users and items."""

    dim: Count
    l2: Weight
    losses: Annotated[dict[str, Weight], Choice("fusionrec.training.losses", "model.bpr_mf.losses")]


class Model(IdVectors):
    """See the module and `IdVectors`."""

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.item_bias = nn.Parameter(torch.zeros(data.items))

    def reset(self, generator: torch.Generator) -> None:
        """See `IdVectors.reset`; biases are 0."""
        super().reset(generator)
        nn.init.zeros_(self.item_bias)

    def bias(self) -> torch.Tensor:
        """See `IdVectors.bias`."""
        return self.item_bias
