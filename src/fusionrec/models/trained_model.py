"""A trained model with its catalogue encoded once: the `Recommender` that ranking and recommendation use."""

from copy import copy

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.contract import Towers, TrainableModel

PAIR_VALUES = 2**19  # in memory at once when a pairwise head ranks: 2 MB, which fit into a CPU's cache


class TrainedModel:
    """A `Recommender`: the model with its catalogue encoded once.

    Attributes:
        content: inputs of all items.
        towers: the items, encoded.
        item_ids: ids of the items, in the order of their rows; empty if they are not known.
        user_ids: ids of the users, likewise.
    """

    def __init__(
        self,
        model: TrainableModel,
        content: ItemInputs,
        item_ids: list[str] | None = None,
        user_ids: list[str] | None = None,
    ):
        self.model, self.content = model.eval(), content
        self.device = content.trained.device
        self.item_ids, self.user_ids = item_ids or [], user_ids or []
        with torch.no_grad():
            self.towers = model.towers(content)

    @torch.no_grad()
    def among(self, content: ItemInputs) -> "TrainedModel":
        """The same model and users, with the n new items of `content` as the candidates to score.

        Histories still hold rows of the catalogue; `item_ids` is empty.
        """
        new = copy(self)
        new.content, new.item_ids = content, []
        new.towers = self.model.new_towers(content)._replace(history=self.towers.history)
        return new

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """bool [n]: see `TrainableModel.knows`."""
        return self.model.knows(users, past)

    @torch.no_grad()
    def user_vectors(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """float32 [n, dim]: see `TrainableModel.user_vectors`."""
        latest = torch.from_numpy(past.latest(users, self.model.history_length)).to(self.device)
        return self.model.user_vectors(self.towers, torch.from_numpy(users).to(self.device), latest)

    @torch.no_grad()
    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`.

        Scores are logits: the final activation keeps their order, but would produce ties where it saturates float32.
        A pairwise head scores the catalogue in chunks, so that memory is bounded.
        """
        vectors = self.user_vectors(users, past)
        items, bias = self.towers.candidates, self.towers.bias
        values = len(users) * self.model.pair_width
        chunk = max(1, PAIR_VALUES // values) if values else max(1, len(items))
        parts = [
            self.model.logits(vectors, Towers(items[s : s + chunk], bias[s : s + chunk], self.towers.history))
            for s in range(0, len(items), chunk)
        ]
        return torch.cat(parts, 1) if len(parts) > 1 else parts[0]
