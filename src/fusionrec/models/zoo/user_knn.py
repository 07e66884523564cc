"""Items of the users whose choices are most similar (Resnick et al., CSCW 1994, with sets of items).

The score of item i is the sum of s(u, v) over those of the user's nearest `neighbours` v, users in train, that chose
i. The similarity of two users with the items A and B is s = |A ∩ B| / (√(|A| |B|) + shrinkage), as in `item_knn`.
A user is never their own neighbour. Time grows with the square of the number of users.
"""

from collections.abc import Iterator
from typing import Any, ClassVar, Self

import numpy as np
import torch
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories
from fusionrec.models import size_limits
from fusionrec.models.closed_form import Scores, TrainData, single
from fusionrec.models.contract import ModelData, Need
from fusionrec.models.interaction_matrix import matrix
from fusionrec.models.neighbours import VALUES, NeighbourOptions, chunks, cosine, nearest, without
from fusionrec.params import Count


class Options(NeighbourOptions):
    """At most how many `neighbours` of a user, and `shrinkage`; of lists, all values are tried.

    More than `max_users` are refused.
    """

    before: ClassVar[dict[str, Any]] = {"max_users": 100_000}
    max_users: Count


class Nearest:
    """The nearest train users of any user, by the user's past; never the user themselves.

    What was computed is kept while the past is the same, up to `VALUES` similarities, because the next number of
    neighbours is asked about the same users.

    Args:
        chosen: [users, items], the train histories.
        neighbours: at most so many of each user.
        shrinkage: see `fusionrec.models.neighbours`.
    """

    def __init__(self, chosen: csr_array, neighbours: int, shrinkage: float):
        self.chosen, self.chosen_by = chosen, csr_array(chosen.T)
        self.neighbours, self.shrinkage = neighbours, shrinkage
        self.past: Histories | None = None
        self.kept: dict[bytes, csr_array] = {}

    def of(self, users: np.ndarray, past: Histories) -> csr_array:
        """float64 [len(users), train users]: similarities of the neighbours."""
        if past is not self.past or sum(similar.nnz for similar in self.kept.values()) > VALUES:
            self.past, self.kept = past, {}
        key = users.tobytes()
        if key not in self.kept:
            own = matrix(past, users, self.chosen.shape[1])
            overlap = without(own @ self.chosen_by, users)
            sizes = np.diff(self.chosen.indptr)
            similar = cosine(overlap, np.diff(own.indptr), sizes, self.shrinkage)
            self.kept[key] = nearest(similar, self.neighbours)
        return self.kept[key]


class Model(Scores):
    """Score of an item: summed similarities of the user's nearest train users who chose it.

    Similarity is that of the user's past to train histories, so that users absent from train have neighbours too.
    The weights are the train histories themselves.

    Raises:
        ValueError: if `data` has no graph.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"graph"})

    def __init__(self, options: Any, data: ModelData, most: Nearest | None = None):
        super().__init__(options, data)
        if data.graph is None:
            raise ValueError("user_knn needs the graph of train interactions")
        self.neighbours = max(options.neighbours)
        if most is None:
            chosen = matrix(data.graph, np.arange(len(data.graph)), data.items)
            most = Nearest(chosen, self.neighbours, max(options.shrinkage))
        self.most = most

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`: keep the train histories; neighbours are computed when a user is scored.

        Raises:
            UnsuitableDataError: if there are more users than `options.max_users`.
        """
        size_limits.check("user_knn", options.model_dump(), data.items, len(train.histories))
        chosen = matrix(train.histories, np.arange(len(train.histories)), data.items)
        for shrinkage in options.shrinkage:
            most = Nearest(chosen, max(options.neighbours), shrinkage)
            for neighbours in options.neighbours:
                yield cls(single(options, neighbours=neighbours, shrinkage=shrinkage), data, most)

    def score_all(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Scores.score_all`."""
        known, items = self.most.chosen.shape
        scores = np.zeros((len(users), items), np.float32)
        for rows in chunks(len(users), known):
            near = nearest(self.most.of(users[rows], past), self.neighbours)
            scores[rows] = (near @ self.most.chosen).toarray()
        return torch.from_numpy(scores)
