"""CEASE: EASE on interactions and features of items, one below the other (Jeunen et al., RecSys 2020).

Each feature is a further user, who "chose" the items that have it: X becomes [X; weight · Fᵀ], and EASE is computed
from XᵀX + weight² F Fᵀ. Features are all contents: vectors of modalities, numbers and categories, each centred and
scaled to unit mean square, times its own weight. The authors use categories only, as 0 and 1, uncentred.

A new item is regressed on the catalogue by its features alone, with the same matrix; so is an item of the catalogue
that has no interactions. See `fusionrec.models.feature_ease` for the formulas.
"""

from collections.abc import Iterator
from copy import deepcopy
from itertools import product
from typing import Annotated, Any, Self

import numpy as np
import torch
from pydantic import Field
from scipy.linalg import inv

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.closed_form import TrainData, single
from fusionrec.models.content_features import WeightedInputs
from fusionrec.models.contract import ModelData, Towers
from fusionrec.models.ease_weights import item_gram
from fusionrec.models.feature_ease import FeatureEase, without_itself
from fusionrec.models.item_to_item import of_weights
from fusionrec.params import Count, Positive, Weight


class Options(WeightedInputs):
    """All values of `l2` and of `feature_weight`, that of all features, are tried; see EASE for `max_items`."""

    l2: Annotated[list[Positive], Field(min_length=1)]
    feature_weight: Annotated[list[Weight], Field(min_length=1)]
    max_items: Count


class Model(FeatureEase):
    """See `FeatureEase`.

    Attributes:
        collaborative: float32 [items, items], P XᵀX: what interactions add to the regression of an item on all items.
    """

    name = "cease"

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`.

        Raises:
            UserError: if the catalogue is too large, or items have no contents.
        """
        first, features = cls.begun(options, data)
        gram, similar = item_gram(train.histories, data.items), features @ features.T
        for l2, weight in product(options.l2, options.feature_weight):
            ridge = gram + weight**2 * similar
            ridge[np.diag_indices_from(ridge)] += l2
            inverse = inv(ridge, overwrite_a=True, assume_a="pos")
            model = deepcopy(first)
            model.options = single(options, l2=l2, feature_weight=weight)
            model.readout[:] = torch.from_numpy(weight**2 * (inverse @ features))
            model.collaborative[:] = torch.from_numpy(inverse @ gram)
            yield model

    def weights(self, regression: torch.Tensor, items: torch.Tensor) -> torch.Tensor:
        """See `FeatureEase.weights`."""
        regression += self.collaborative[:, items]
        return without_itself(regression, items)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `Model.new_towers`."""
        return of_weights(self.from_features(content))
