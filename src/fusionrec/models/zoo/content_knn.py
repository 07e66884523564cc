"""Items whose contents are similar to those of the user's own items (Lops et al., 2011, Recommender Systems Handbook).

The score of item i is the sum of the cosine of i and j over those of its nearest `neighbours` j that are in the user's
history. Contents are the vectors of all modalities, numbers and categories side by side, each input centred and scaled
to unit mean square, times its weight. Neighbours are train items, so that new items take no place among them; new items
are scored like all others. With as many neighbours as there are items, all of the history counts.
"""

from collections.abc import Iterator
from copy import deepcopy
from typing import Annotated, Any, ClassVar, Self

import numpy as np
import torch
from pydantic import Field

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs
from fusionrec.models.closed_form import Scores, TrainData, single
from fusionrec.models.content_features import ContentFeatures, WeightedInputs
from fusionrec.models.contract import ModelData, Need, Towers
from fusionrec.models.interaction_matrix import matrix
from fusionrec.models.nearest_items import unit
from fusionrec.models.neighbours import chunks, unpadded
from fusionrec.params import Count


class Options(WeightedInputs):
    """At most how many `neighbours` of an item; all values of the list are tried."""

    neighbours: Annotated[list[Count], Field(min_length=1)]


class Model(Scores):
    """See the module.

    Attributes:
        items: float32 [items, width], the features of the train items with length 1, zeros for other items.
    """

    needs: ClassVar[frozenset[Need]] = frozenset({"contents"})
    scores_new_items = True
    items: torch.Tensor

    def __init__(self, options: Any, data: ModelData):
        super().__init__(options, data)
        self.features = ContentFeatures("content_knn", data.content, data.category_values, options.weights)
        self.register_buffer("items", torch.zeros(data.items, self.features.width))

    @classmethod
    def fit(cls, options: Any, data: ModelData, train: TrainData) -> Iterator[Self]:
        """See `ClosedForm.fit`: nothing but features; neighbours are found when items are encoded.

        Raises:
            UserError: if items have no contents.
        """
        first = cls(options, data)
        first.features.fit(data.content)
        first.items[:] = first.unit(data.content) * data.content.trained[:, None]
        for neighbours in options.neighbours:
            model = deepcopy(first)
            model.options = single(options, neighbours=neighbours)
            yield model

    def inputs(self) -> list[str]:
        """See `Model.inputs`."""
        return list(self.features.widths)

    def unit(self, content: ItemInputs) -> torch.Tensor:
        """float32 [n, width]: features with length 1; zeros where there are none."""
        return unit(self.features(content))

    def towers(
        self,
        content: ItemInputs,
        generator: torch.Generator | None = None,
        candidates: torch.Tensor | None = None,
        history: torch.Tensor | None = None,
    ) -> Towers:
        """See `Model.towers`: an item's neighbours and their similarities, float64 [n, neighbours, 2]."""
        rows = torch.arange(len(content.trained), device=content.trained.device)
        rows = rows if candidates is None else candidates
        return self._nearest(content.take(rows), rows)

    def new_towers(self, content: ItemInputs) -> Towers:
        """See `Model.new_towers`; likewise."""
        return self._nearest(content, torch.full_like(content.trained, -1, dtype=torch.int64))

    def _nearest(self, content: ItemInputs, own: torch.Tensor) -> Towers:
        """The neighbours of items, which are the rows `own` of the catalogue or -1."""
        known = self.items.any(1).nonzero()[:, 0]
        most, vectors = min(self.options.neighbours[0], len(known)), self.unit(content)
        nearest = vectors.new_zeros(len(vectors), most, 2, dtype=torch.float64)
        for part in chunks(len(vectors), len(known)):
            rows = torch.from_numpy(part).to(vectors.device)
            similar = vectors[rows] @ self.items[known].T
            itself = known == own[rows, None]
            similar.masked_fill_(itself, -torch.inf)  # the last of all
            best = similar.argsort(dim=1, descending=True, stable=True)[:, :most]
            columns = known[best].sort(1)
            similar.masked_fill_(itself, 0)
            nearest[rows, :, 0] = columns.values.double()
            nearest[rows, :, 1] = similar.gather(1, best.gather(1, columns.indices)).double()
        return Towers(nearest, vectors.new_zeros(len(vectors)), self.items[:, :0])

    def scores(self, towers: Towers, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `Model.scores`."""
        columns, similarity = towers.candidates.cpu().numpy().transpose(2, 0, 1)
        similar = unpadded(columns.astype(np.int64), similarity, len(self.items))
        scores = matrix(past, users, len(self.items)) @ similar.T
        return torch.from_numpy(scores.toarray().astype(np.float32)).to(towers.bias.device)
