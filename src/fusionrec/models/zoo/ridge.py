"""Linear ridge regression from all contents of an item to ALS vectors or EASE (Gantner et al., ICDM 2010, with ALS).

With the features F of the train items, A = (FᵀF + l2 I)⁻¹ Fᵀ; see `fusionrec.models.content_regression` for targets
and users. Features are vectors of modalities, numbers and categories, each input centred and scaled to unit mean
square, times its weight. All items are scored by the prediction, new ones like the others.
"""

import numpy as np
import torch
from scipy.linalg import solve

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.content_regression import ContentRegression, RegressionOptions
from fusionrec.models.contract import ModelData


class Options(RegressionOptions):
    """See `RegressionOptions`."""


class Model(ContentRegression):
    """φ are the features themselves."""

    name = "ridge"

    def design_width(self, data: ModelData) -> int:
        """See `ContentRegression.design_width`."""
        return self.features.width

    def design(self, content: ItemInputs) -> torch.Tensor:
        """See `ContentRegression.design`."""
        features: torch.Tensor = self.features(content)
        return features

    def operator(self, design: np.ndarray, l2: float) -> np.ndarray:
        """See `ContentRegression.operator`."""
        gram = design.T @ design
        gram[np.diag_indices_from(gram)] += l2
        solved: np.ndarray = solve(gram, design.T, assume_a="pos")
        return solved
