"""Uniform random scores: the random baseline, and the draw of sampled negatives."""

import numpy as np
import torch

from fusionrec.data.histories import Histories


class UniformScores:
    """A `Recommender` with uniform scores, from one generator per user, so that scores do not depend on the batch.

    Args:
        seed: of the generators.
        items: size of the catalogue.
    """

    def __init__(self, seed: int, items: int):
        self.seed, self.items = seed, items

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        drawn = np.empty((len(users), self.items), np.float32)
        for user, row in zip(users, drawn, strict=True):
            np.random.default_rng([self.seed, user]).random(out=row, dtype=np.float32)
        return torch.from_numpy(drawn)
