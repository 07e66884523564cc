"""MM-GF: graph filtering of interactions and contents, without training (Roh et al., arXiv:2503.04406).

The scores of a user are x (P + Σ weight · P') with the history x, and an item graph P' for each input. P comes from
interactions: with R̃ = D⁻ᵃ R E⁻⁽¹⁻ᵃ⁾, where D and E are the degrees of users and items and a is `alpha`, it is R̃ᵀ R̃, and
each entry is raised to `power`. For an input with the feature matrix F, each column is centred at its median and
divided by its interquartile range; all are shifted so that the lowest is 0; then rows and columns are divided by powers
of their sums, as R, and P' is F̃ F̃ᵀ, raised to `power`. This is the paper's linear filter.

Other than in the authors' code, the entries of P' are scaled to the standard deviation of those of P, so that a weight
means the same for all data; statistics are of train items only, and lower values of other items become 0; an item
without a modality has no edge in its graph; numbers and categories are inputs too. New items have edges from the
contents only.
"""

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Annotated, Any, ClassVar, Self, cast

import numpy as np
import torch
from pydantic import Field
from torch import nn

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.closed_form import TrainData, single
from fusionrec.models.content_features import WeightedInputs, blocks, check_inputs, widths
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.ease_weights import check_size
from fusionrec.models.feature_graph import FeatureGraph
from fusionrec.models.interaction_matrix import matrix
from fusionrec.models.item_to_item import ItemToItem, of_weights
from fusionrec.params import Count, Positive, Probability, Weight


class Options(WeightedInputs):
    """`alpha`, `power` and `content_weight`, that of all inputs: all values of the lists are tried."""

    alpha: Annotated[list[Probability], Field(min_length=1)]
    power: Annotated[list[Positive], Field(min_length=1)]
    content_weight: Annotated[list[Weight], Field(min_length=1)]
    max_items: Count


class Model(ItemToItem):
    """See the module.

    Attributes:
        interactions: float32 [items, items], P.
        graphs: those of the inputs, by name.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"contents"})
    scores_new_items = True
    interactions: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.category_values = data.category_values
        inputs = widths(data.content, data.category_values)
        check_inputs("mm_gf", list(inputs), options.weights)
        self.graphs = nn.ModuleDict({name: FeatureGraph(data.items, width) for name, width in inputs.items()})
        self.register_buffer("interactions", torch.zeros(data.items, data.items))

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`.

        Raises:
            UserError: if the catalogue is too large, or items have no contents.
        """
        check_size("mm_gf", data.items, options.max_items)
        first = cls(options, data)
        for alpha, power in product(options.alpha, options.power):
            graph = interaction_graph(train.histories, data.items, alpha, power)
            first.interactions[:] = torch.from_numpy(graph)
            for name, block in blocks(data.content, data.category_values).items():
                cast(FeatureGraph, first.graphs[name]).fit(
                    block, data.content.trained, alpha, power, float(graph.std(dtype=np.float64))
                )
            for weight in options.content_weight:
                model = deepcopy(first)
                model.options = single(options, alpha=alpha, power=power, content_weight=weight)
                yield model

    def inputs(self) -> list[str]:
        """See `Model.inputs`."""
        return list(self.graphs)

    def from_contents(self, content: ItemInputs) -> torch.Tensor:
        """float32 [items, n]: the weighted sum of the graphs of the inputs."""
        alpha, power = self.options.alpha[0], self.options.power[0]
        total = torch.zeros_like(self.interactions[:, :1]).expand(-1, len(content.trained)).clone()
        for name, block in blocks(content, self.category_values).items():
            weight = self.options.content_weight[0] * self.options.weights.get(name, 1.0)
            if weight:
                total.add_(self.graphs[name](block, alpha, power), alpha=weight)
        return total

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `Model.towers`: a candidate's vector has the weight of each item of the catalogue."""
        if candidates is None:
            return of_weights(self.from_contents(content).add_(self.interactions))
        return of_weights(self.from_contents(content.take(candidates)) + self.interactions[:, candidates])

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `Model.new_towers`."""
        return of_weights(self.from_contents(content))


def interaction_graph(histories: Histories, items: int, alpha: float, power: float) -> np.ndarray:
    """float32 [items, items]: P of the module."""
    chosen = matrix(histories, np.arange(len(histories)), items)
    users, popularity = np.diff(chosen.indptr), np.bincount(chosen.indices, minlength=items)
    rows = np.repeat(np.maximum(users, 1) ** -alpha, users)
    columns = np.maximum(popularity, 1) ** (alpha - 1.0)
    chosen.data = rows * columns[chosen.indices]
    similar = chosen.T @ chosen
    similar.data **= power
    graph: np.ndarray = similar.astype(np.float32).toarray()
    return graph
