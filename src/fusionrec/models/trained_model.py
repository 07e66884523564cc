"""A trained model with its catalogue encoded once: the `Recommender` that ranking and recommendation use."""

from copy import copy

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import Model, Towers, ranks_untrained


class TrainedModel:
    """A `Recommender`: the model with its catalogue encoded once.

    `towers` are given if the catalogue is encoded already.

    Attributes:
        content: inputs of all items.
        towers: the items, encoded.
        never: int64 [m], items that are never recommended: those without a train interaction, if the model cannot rank
            them. What it would say of them rests on initial weights, or on nothing.
        item_ids: ids of the items, in the order of their rows; empty if they are not known.
        user_ids: ids of the users, likewise.
    """

    def __init__(
        self,
        model: Model,
        content: ItemInputs,
        item_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
        towers: Towers | None = None,
    ):
        self.model, self.content = model.eval(), content
        self.device = content.trained.device
        self.item_ids, self.user_ids = item_ids or [], user_ids or []
        with torch.no_grad():
            self.towers = model.towers(content) if towers is None else towers
        untrained = ~content.trained if not self.ranks_untrained_items else torch.zeros_like(content.trained)
        self.never = untrained.nonzero()[:, 0]

    @property
    def ranks_untrained_items(self) -> bool:
        """See `Model.ranks_untrained_items`."""
        return ranks_untrained(self.model)

    @torch.no_grad()
    def among(self, content: ItemInputs) -> "TrainedModel":
        """The same model and users, with the n new items of `content` as the candidates to score.

        Histories still hold rows of the catalogue; `item_ids` is empty.
        """
        new = copy(self)
        new.content, new.item_ids, new.never = content, [], self.never[:0]
        new.towers = self.model.new_towers(content)._replace(history=self.towers.history)
        return new

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """bool [n]: see `Model.knows`."""
        return self.model.knows(users, past)

    @torch.no_grad()
    def user_vectors(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """float32 [n, dim]: see `Model.user_vectors_of`."""
        return self.model.user_vectors_of(self.towers, users, past)

    @torch.no_grad()
    def similarity_vectors(self) -> torch.Tensor:
        """[items, any width]: see `Model.similarity_vectors`; zeros for items that are never recommended."""
        vectors = self.model.similarity_vectors(self.towers)
        return vectors.index_fill(0, self.never, 0.0) if len(self.never) else vectors

    @torch.no_grad()
    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score` and `Model.scores`; -inf for items that are never recommended."""
        scores = self.model.scores(self.towers, users, past)
        return scores.index_fill_(1, self.never, -torch.inf) if len(self.never) else scores
