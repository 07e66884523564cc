"""Models in closed form whose scores are sums of item-to-item weights over the user's history."""

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.closed_form import Scores
from fusionrec.models.contract import Towers
from fusionrec.models.interaction_matrix import matrix


class ItemToItem(Scores):
    """The score of item i is the sum of W[j, i] over the items j that the user chose.

    Subclasses define `towers` with `of_weights`, and `new_towers` if they can score new items.
    """

    def scores(self, towers: Towers, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Model.scores`."""
        weights = towers.candidates.cpu().numpy().T
        chosen = matrix(past, users, len(weights)).astype(np.float32)
        return torch.from_numpy(chosen @ weights).to(towers.bias.device)


def of_weights(weights: torch.Tensor) -> Towers:
    """Towers whose candidates are the columns of item-to-item weights, float32 [items, n].

    A candidate's vector is its column, so that the product with a sparse history needs no copy.
    """
    return Towers(weights.T, torch.zeros(weights.shape[1], device=weights.device), weights[:, :0])
