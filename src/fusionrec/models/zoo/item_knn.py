"""Items that are chosen by the same users as the user's own items (Sarwar et al., WWW 2001).

The score of item i is the sum of s(i, j) over those of its nearest `neighbours` j that are in the user's history.
The similarity of two items with the train users A and B is s = |A ∩ B| / (√(|A| |B|) + shrinkage): the cosine,
lowered where it rests on few interactions (as in Ferrari Dacrema et al., RecSys 2019).
"""

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy.sparse import csr_array, vstack

from fusionrec.data.histories import Histories
from fusionrec.models.closed_form import Scores, TrainData, single
from fusionrec.models.contract import ModelData, Need
from fusionrec.models.interaction_matrix import matrix
from fusionrec.models.neighbours import NeighbourOptions, chunks, cosine, nearest, padded, unpadded, without


class Options(NeighbourOptions):
    """At most how many `neighbours` of an item, and `shrinkage`; of lists, all values are tried."""


class Model(Scores):
    """Score of an item: summed similarities of those of its nearest neighbours that are in the user's past.

    Attributes:
        neighbours: int64 [items, k], the nearest items of each item, in ascending order, padded with -1.
        similarity: float64 [items, k], theirs.
    """

    needs: ClassVar[frozenset[Need]] = frozenset()
    neighbours: torch.Tensor
    similarity: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        shape = data.items, min(max(options.neighbours), max(0, data.items - 1))
        self.register_buffer("neighbours", torch.full(shape, -1))
        self.register_buffer("similarity", torch.zeros(shape, dtype=torch.float64))

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`: find the most neighbours that are asked for, and take some of them for each number."""
        most = similarities(train.histories, data.items, max(options.neighbours), options.shrinkage)
        for shrinkage, similar in zip(options.shrinkage, most, strict=True):
            for neighbours in options.neighbours:
                model = cls(single(options, neighbours=neighbours, shrinkage=shrinkage), data)
                columns, values = padded(nearest(similar, neighbours), model.neighbours.shape[1])
                model.neighbours[:], model.similarity[:] = torch.from_numpy(columns), torch.from_numpy(values)
                yield model

    @cached_property
    def _similar_to(self) -> csr_array:
        """[items, items]: in row j, the items of which j is a neighbour."""
        items = len(self.neighbours)
        return csr_array(unpadded(self.neighbours.cpu().numpy(), self.similarity.cpu().numpy(), items).T)

    def score_all(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Scores.score_all`."""
        scores = matrix(past, users, len(self.neighbours)) @ self._similar_to
        return torch.from_numpy(scores.toarray().astype(np.float32))


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
