"""Items that are chosen by the same users as the user's own items (Sarwar et al., WWW 2001).

The score of item i is the sum of s(i, j) over those of its nearest `neighbours` j that are in the user's history.
The similarity of two items with the train users A and B is s = |A ∩ B| / (√(|A| |B|) + shrinkage): the cosine,
lowered where it rests on few interactions (as in Ferrari Dacrema et al., RecSys 2019).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from scipy.sparse import csr_array, vstack

from fusionrec.data.histories import Histories
from fusionrec.models.baselines import Fitted, TrainData
from fusionrec.models.interaction_matrix import matrix
from fusionrec.models.neighbours import NeighbourOptions, chunks, cosine, nearest, without


class Options(NeighbourOptions):
    """At most how many `neighbours` of an item, and `shrinkage`; of lists, all values are tried."""


def fit(train: TrainData, options: Options) -> Iterator[Fitted]:
    """Find the neighbours of each item, the most that are asked for, and take some of them for each combination."""
    most = similarities(train.histories, train.items, max(options.neighbours), options.shrinkage)
    for shrinkage, similar in zip(options.shrinkage, most, strict=True):
        for neighbours in options.neighbours:
            yield Fitted(
                ItemKNN(nearest(similar, neighbours)), {"neighbours": neighbours, "shrinkage": shrinkage}
            )


def similarities(
    train: Histories, items: int, neighbours: int, shrinkages: Sequence[float]
) -> list[csr_array]:
    """For each shrinkage float64 [items, items]: the similarity of each item's nearest neighbours to it."""
    chosen = matrix(train, np.arange(len(train)), items)
    chosen_by = csr_array(chosen.T)
    sizes = np.diff(chosen_by.indptr)
    parts: list[list[csr_array]] = [[csr_array((0, items))] for _ in shrinkages]
    for rows in chunks(items, items):
        overlap = without(csr_array(chosen_by[rows] @ chosen), rows)
        for part, shrinkage in zip(parts, shrinkages, strict=True):
            part.append(nearest(cosine(overlap, sizes[rows], sizes, shrinkage), neighbours))
    return [csr_array(vstack(part)) for part in parts]


class ItemKNN:
    """Score of an item: summed similarities of those of its nearest neighbours that are in the user's past.

    Args:
        similar: [items, items], the similarity of each item's neighbours to it.
    """

    def __init__(self, similar: csr_array):
        self.similarity = csr_array(similar.T)

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Recommender.score`."""
        scores = matrix(past, users, self.similarity.shape[1]) @ self.similarity
        return torch.from_numpy(scores.toarray().astype(np.float32))
