"""Recommenders that every model is measured against, and the demo's oracle."""

import numpy as np
import torch

from fusionrec.data.histories import Histories


class Popularity:
    """Items by the number of their train users; the same for everybody."""

    def __init__(self, train: Histories, items: int):
        self.counts = torch.from_numpy(np.bincount(train.items, minlength=items)).float()

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.counts.repeat(len(users), 1)


class Random:
    """Uniform scores from a generator of each user's own, so that no chunking changes them."""

    def __init__(self, seed: int, items: int):
        self.seed, self.items = seed, items

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        drawn = [np.random.default_rng([self.seed, user]).random(self.items, np.float32) for user in users]
        return torch.from_numpy(np.stack(drawn))


class Fixed:
    """Scores that are known beforehand: float32 [users, items]; the oracle, on the demo."""

    def __init__(self, scores: np.ndarray):
        self.scores = torch.from_numpy(scores)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        return self.scores[torch.from_numpy(users)]
