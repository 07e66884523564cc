"""Items that are chosen by the same users as the user's own items (Sarwar et al., WWW 2001).

The score of item i is the sum of s(i, j) over those of its nearest `neighbours` j that are in the user's history.
The similarity of two items with the train users A and B is s = |A ∩ B| / (√(|A| |B|) + shrinkage): the cosine,
lowered where it rests on few interactions (as in Ferrari Dacrema et al., RecSys 2019).
"""

import numpy as np
import torch
from scipy.sparse import csr_array, vstack

from fusionrec.data.histories import Histories
from fusionrec.models.baselines import Settings, TrainData, combinations
from fusionrec.models.interaction_matrix import matrix
from fusionrec.models.neighbours import NeighbourOptions, chunks, cosine, nearest, without


class Options(NeighbourOptions):
    """At most how many `neighbours` of an item, and `shrinkage`; of lists, all values are tried."""


def variants(options: Options) -> list[Settings]:
    """All combinations."""
    return combinations(neighbours=options.neighbours, shrinkage=options.shrinkage)


def fit(train: TrainData, options: Options, settings: Settings) -> "ItemKNN":
    """Find the neighbours of each item."""
    return ItemKNN(train.histories, train.items, int(settings["neighbours"]), settings["shrinkage"])


class ItemKNN:
    """Score of an item: summed similarities of those of its nearest neighbours that are in the user's past.

    Args:
        train: what to fit on.
        items: size of the catalogue.
        neighbours: at most so many of each item.
        shrinkage: see `fusionrec.models.neighbours`.
    """

    def __init__(self, train: Histories, items: int, neighbours: int, shrinkage: float):
        chosen = matrix(train, np.arange(len(train)), items)
        chosen_by = csr_array(chosen.T)
        sizes = np.diff(chosen_by.indptr)
        parts = []
        for rows in chunks(items, items):
            similar = cosine(csr_array(chosen_by[rows] @ chosen), sizes[rows], sizes, shrinkage)
            parts.append(nearest(without(similar, rows), neighbours))
        self.similarity = csr_array(vstack(parts).T) if parts else csr_array((0, 0))

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        scores = matrix(past, users, self.similarity.shape[1]) @ self.similarity
        return torch.from_numpy(scores.astype(np.float32).toarray())
