"""Regression from the contents of items to what interactions say about them: the shared part of its models.

A regression predicts the target T of the train items, a row each, from features of their contents: an item is
predicted by φ A T, where φ are its features and A follows from the train items alone. `target` is what is predicted:

- `als`: the item's vector of ALS. A user is folded in from the vectors of the history, as in ALS.
- `ease`: the item's column of X B, the choices of all users smoothed by EASE. For a user with the history x the target
  is x B, so that the prediction is the inner product of φ and x B Aᵀ: a user is the sum of rows of B Aᵀ.

All items are scored by the prediction, also those of the catalogue that have interactions: what the model knows is
contents. Gantner et al. (ICDM 2010) learn such a map from contents to the vectors of a factorisation.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, Any, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.closed_form import ClosedForm, TrainData, single
from fusionrec.models.content_features import ContentFeatures, WeightedInputs
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.ease_weights import check_size, item_gram, solve
from fusionrec.models.implicit_als import Factorisation, fold_in, gram, item_factors
from fusionrec.models.interaction_matrix import histories_of, matrix
from fusionrec.params import Count, Positive


class RegressionOptions(WeightedInputs):
    """All values of `l2` are tried; `als` and `ease_l2` are parameters of the targets.

    Catalogues of more than `max_items` are refused, as EASE does.
    """

    target: Literal["als", "ease"]
    l2: Annotated[list[Positive], Field(min_length=1)]
    ease_l2: Positive
    als: Factorisation
    max_items: Count


class ContentRegression(ClosedForm):
    """Subclasses define `design_width`, `prepare`, `design` and `operator`.

    Attributes:
        features: the contents of items as features.
        history: float32 [items, dim], the vectors that users are computed from.
        coefficients: float32 [m, dim], A T: maps features to an item's vector. Only for the target als.
        gram: float64 [dim, dim], see ALS. Only for the target als.
    """

    name: ClassVar[str]
    needs: ClassVar[frozenset[Need]] = frozenset({"contents"})
    scores_new_items = True
    history: torch.Tensor
    coefficients: torch.Tensor
    gram: torch.Tensor

    @classmethod
    def draws(cls, options: Any) -> bool:
        """See `ClosedForm.draws`: ALS does."""
        return bool(options.target == "als")

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.features = ContentFeatures(self.name, data.content, data.category_values, options.weights)
        width, dim = self.design_width(data), options.als.factors
        if options.target == "als":
            self.register_buffer("history", torch.zeros(data.items, dim))
            self.register_buffer("coefficients", torch.zeros(width, dim))
            self.register_buffer("gram", torch.zeros(dim, dim, dtype=torch.float64))
        else:
            self.register_buffer("history", torch.zeros(data.items, width))

    def design_width(self, data: ModelData) -> int:
        """How many features φ has; called when `features` exists."""
        raise NotImplementedError

    def prepare(self, content: ItemInputs) -> None:
        """Fit what `design` needs on the train items of the catalogue."""
        self.features.fit(content)

    def design(self, content: ItemInputs) -> torch.Tensor:
        """float32 [n, m]: φ of any items."""
        raise NotImplementedError

    def operator(self, design: np.ndarray, l2: float) -> np.ndarray:
        """float64 [m, train items]: A, from φ of the train items, float64 [train items, m]."""
        raise NotImplementedError

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`.

        Raises:
            UserError: if the catalogue is too large, or items have no contents.
        """
        check_size(cls.name, data.items, options.max_items)
        first = cls(options, data)
        first.prepare(data.content)
        known = data.content.trained
        design = first.design(data.content.take(known.nonzero()[:, 0])).numpy().astype(np.float64)
        target = target_of(options, train.histories, data.items, train.seed)
        for l2 in options.l2:
            model, operator = deepcopy(first), first.operator(design, l2)
            model.options = single(options, l2=l2)
            if options.target == "als":
                model.history[:] = torch.from_numpy(target)
                model.coefficients[:] = torch.from_numpy(operator @ target[known.numpy()])
                model.gram[:] = gram(model.history)
            else:
                model.history[:] = torch.from_numpy(target[:, known.numpy()] @ operator.T)
            yield model

    def inputs(self) -> list[str]:
        """See `Model.inputs`."""
        return list(self.features.widths)

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `Model.towers`."""
        items = self.design(content if candidates is None else content.take(candidates))
        if self.options.target == "als":
            items = items @ self.coefficients
        past = self.history if history is None else self.history[history]
        return Towers(items, items.new_zeros(len(items)), past)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `Model.new_towers`: as all items."""
        return self.towers(content)

    def user_vectors(
        self, towers: Towers, users: torch.Tensor, latest: torch.Tensor, timed: bool = True
    ) -> torch.Tensor:
        """See `Model.user_vectors`; the history is a set."""
        if self.options.target == "als":
            l2, alpha = self.options.als.l2, self.options.als.alpha
            return fold_in(towers.history, self.gram, latest, l2, alpha)
        chosen = histories_of(latest, len(towers.history)).astype(np.float32)
        return torch.from_numpy(chosen @ towers.history.cpu().numpy()).to(towers.history.device)


def target_of(options: RegressionOptions, histories: Histories, items: int, seed: int) -> np.ndarray:
    """What the target is computed from: vectors of items [items, factors], or the weights of EASE [items, items]."""
    if options.target == "ease":
        return solve(item_gram(histories, items), options.ease_l2)
    return item_factors(matrix(histories, np.arange(len(histories)), items), options.als, seed)
