"""Items of the users whose choices are most similar (Resnick et al., CSCW 1994, with sets of items).

The score of item i is the sum of s(u, v) over those of the user's nearest `neighbours` v, users in train, that chose
i. The similarity of two users with the items A and B is s = |A ∩ B| / (√(|A| |B|) + shrinkage), as in `item_knn`.
A user is never their own neighbour.
"""

import numpy as np
import torch
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories
from fusionrec.models.baselines import Settings, TrainData, combinations
from fusionrec.models.interaction_matrix import matrix
from fusionrec.models.neighbours import NeighbourOptions, chunks, cosine, nearest, without


class Options(NeighbourOptions):
    """At most how many `neighbours` of a user, and `shrinkage`; of lists, all values are tried."""


def variants(options: Options) -> list[Settings]:
    """All combinations."""
    return combinations(neighbours=options.neighbours, shrinkage=options.shrinkage)


def fit(train: TrainData, options: Options, settings: Settings) -> "UserKNN":
    """Keep the train histories; neighbours are computed when a user is scored."""
    return UserKNN(train.histories, train.items, int(settings["neighbours"]), settings["shrinkage"])


class UserKNN:
    """Score of an item: summed similarities of the user's nearest train users who chose it.

    A user is never their own neighbour. Similarity is that of the user's past to train histories, so that users
    absent from train have neighbours too.

    Args:
        train: what to fit on.
        items: size of the catalogue.
        neighbours: at most so many of each user.
        shrinkage: see `fusionrec.models.neighbours`.
    """

    def __init__(self, train: Histories, items: int, neighbours: int, shrinkage: float):
        self.neighbours, self.shrinkage = neighbours, shrinkage
        self.chosen = matrix(train, np.arange(len(train)), items)
        self.chosen_by = csr_array(self.chosen.T)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        known, items = self.chosen.shape
        parts = [self._score(users[rows], past) for rows in chunks(len(users), known)]
        return torch.from_numpy(np.concatenate(parts) if parts else np.zeros((0, items), np.float32))

    def _score(self, users: np.ndarray, past: Histories) -> np.ndarray:
        own = matrix(past, users, self.chosen.shape[1])
        sizes = np.diff(self.chosen.indptr)
        similar = cosine(own @ self.chosen_by, np.diff(own.indptr), sizes, self.shrinkage)
        near = nearest(without(similar, users), self.neighbours)
        return (near @ self.chosen).astype(np.float32).toarray()
