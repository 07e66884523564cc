"""Items by the number of their train users; the same for all users."""

import numpy as np
import torch

from fusionrec.data.histories import Histories
from fusionrec.models.baselines import Fitted, TrainData


def fit(train: TrainData, options: None) -> list[Fitted]:
    """Count the users of each item."""
    return [Fitted(Popularity(train.histories, train.items), {})]


class Popularity:
    """A `Recommender` of the most chosen items.

    Args:
        histories: what is counted.
        items: size of the catalogue.
    """

    def __init__(self, histories: Histories, items: int):
        self.counts = torch.from_numpy(np.bincount(histories.items, minlength=items)).float()

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.counts.repeat(len(users), 1)
