"""Scores by the number of interactions, the same for all users."""

import numpy as np
import torch

from fusionrec.data.histories import Histories


class PopularityScores:
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
