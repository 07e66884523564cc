"""Add-EASE: a weighted sum of EASE on interactions and EASE on features of items (Jeunen et al., RecSys 2020).

The weights are (1 - share) B + share B', where B is EASE on the interactions X, and B' is EASE on the features, as if
each feature were a user: both have a regularisation of their own. Features are all contents: vectors of modalities,
numbers and categories, each centred and scaled to unit mean square, times its own weight. The authors use categories
only, as 0 and 1, uncentred.

A new item is scored by the second half alone, a regression of its features on those of the catalogue; so is an item
of the catalogue that has no interactions. See `fusionrec.models.feature_ease` for the formulas.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, Any, Self

import numpy as np
import torch
from pydantic import Field
from scipy.linalg import solve as solve_linear

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.closed_form import TrainData, single
from fusionrec.models.content_features import WeightedInputs
from fusionrec.models.contract import ModelData, Towers
from fusionrec.models.ease_weights import item_gram, solve
from fusionrec.models.feature_ease import FeatureEase, without_itself
from fusionrec.models.item_to_item import of_weights
from fusionrec.params import Count, Positive, Probability


class Options(WeightedInputs):
    """`l2` of interactions, `feature_l2` and `share` of features: all values of the lists are tried."""

    l2: Annotated[list[Positive], Field(min_length=1)]
    feature_l2: Annotated[list[Positive], Field(min_length=1)]
    share: Annotated[list[Probability], Field(min_length=1)]
    max_items: Count


class Model(FeatureEase):
    """See `FeatureEase`.

    Attributes:
        collaborative: float32 [items, items], EASE on interactions.
    """

    name = "add_ease"

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`.

        Raises:
            UserError: if the catalogue is too large, or items have no contents.
        """
        first, features = cls.begun(options, data)
        readouts = {l2: torch.from_numpy(readout(features, l2)) for l2 in options.feature_l2}
        gram = item_gram(train.histories, data.items)
        for l2 in options.l2:
            first.collaborative[:] = torch.from_numpy(solve(gram, l2))
            for feature_l2, from_features in readouts.items():
                for share in options.share:
                    model = deepcopy(first)
                    model.options = single(options, l2=l2, feature_l2=feature_l2, share=share)
                    model.readout[:] = from_features
                    yield model

    def weights(self, regression: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """See `FeatureEase.weights`."""
        share = self.options.share[0]
        return (
            without_itself(regression, items).mul_(share).add_(self.collaborative[:, items], alpha=1 - share)
        )

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `Model.new_towers`."""
        return of_weights(self.from_features(content) * self.options.share[0])


def readout(features: np.ndarray, l2: float) -> np.ndarray:
    """float64 [items, width]: (F Fᵀ + l2 I)⁻¹ F, of features F, from a system as wide as the features."""
    gram = features.T @ features
    gram[np.diag_indices_from(gram)] += l2
    solved: np.ndarray = solve_linear(gram, features.T, assume_a="pos").T
    return solved
