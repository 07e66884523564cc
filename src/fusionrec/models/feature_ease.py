"""EASE with features of items: what its models share, and how it scores items from their contents.

EASE on any data with the Gram matrix G gives item j the weights B[i, j] = -P[i, j] / P[j, j], with P = (G + l2 I)⁻¹. If
G = C + F Fᵀ, where row i of F has the features of item i, let r = P (C[:, j] + F f), the regression of item j on all
items, itself included. Then B[i, j] = r[i] / (1 - r[j]), because r is column j of I - l2 P. So the weights of an item
follow from its features f, also if they change. A new item has no interactions and is none of the items:
its weights are P F f.
"""

from typing import Any, ClassVar, Self

import numpy as np
import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.content_features import ContentFeatures
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.ease_weights import check_size
from fusionrec.models.item_to_item import ItemToItem, of_weights


class FeatureEase(ItemToItem):
    """Subclasses define `name`, `weights` and `fit`.

    Attributes:
        name: of the model, for messages.
        features: the contents of items as features.
        collaborative: float32 [items, items], what interactions say; see the subclasses.
        readout: float32 [items, width], P F: weights of all items are linear in the features of one.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"contents"})
    scores_new_items = True
    name: ClassVar[str]
    collaborative: torch.Tensor
    readout: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.features = ContentFeatures(self.name, data.content, data.category_values, options.weights)
        self.register_buffer("collaborative", torch.zeros(data.items, data.items))
        self.register_buffer("readout", torch.zeros(data.items, self.features.width))

    @classmethod
    def begun(cls, options: Any, data: ModelData) -> tuple[Self, np.ndarray]:
        """A model whose features are fitted, and those of all items, float64 [items, width].

        Raises:
            UserError: if the catalogue is too large, or items have no contents.
        """
        check_size(cls.name, data.items, options.max_items)
        first = cls(options, data)
        first.features.fit(data.content)
        return first, first.features(data.content).numpy().astype(np.float64)

    def inputs(self) -> list[str]:
        """See `Model.inputs`."""
        return list(self.features.widths)

    def weights(self, regression: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """float32 [items, n]: the weights of items of the catalogue.

        Args:
            regression: float32 [items, n], P F f; may be changed.
            items: int64 [n], rows of the catalogue.
        """
        raise NotImplementedError

    def from_features(self, content: ItemInputs) -> torch.Tensor:
        """float32 [items, n]: P F f for each item of `content`."""
        return self.readout @ self.features(content).T

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `Model.towers`: a candidate's vector has the weight of each item of the catalogue."""
        if candidates is None:
            candidates = torch.arange(len(content.trained), device=content.trained.device)
        return of_weights(self.weights(self.from_features(content.take(candidates)), candidates))


def without_itself(regression: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
    """The weights of EASE, float32 [items, n], from regressions on all items; changes them in place.

    Args:
        regression: float32 [items, n], r of the module for each item.
        items: int64 [n], their rows.
    """
    column = torch.arange(len(items), device=items.device)
    regression /= 1 - regression[items, column]
    regression[items, column] = 0
    return regression
