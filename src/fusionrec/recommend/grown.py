"""A catalogue that has grown: items that are recommended from their contents, without training."""

import numpy as np
import pandas as pd
import torch

from fusionrec.data.histories import Histories
from fusionrec.data.item_inputs import ItemInputs, joined
from fusionrec.models.trained_model import TrainedModel
from fusionrec.recommend.engine import Engine, Split


class GrownModel(TrainedModel):
    """A trained model with further items at the end of its catalogue.

    What users chose of them is kept out of their lists, but says nothing of these users: no model has learned it.

    Args:
        base: the model without them; it scores new items.
        content: their inputs.
        item_ids: their ids.
    """

    def __init__(self, base: TrainedModel, content: ItemInputs, item_ids: list[str]):
        super().__init__(
            base.model, joined([base.content, content]), base.item_ids + item_ids, base.user_ids, base.towers
        )
        self.base, self.added = base, base.among(content)
        self.never = base.never

    def among(self, content: ItemInputs) -> TrainedModel:
        """See `TrainedModel.among`."""
        return self.base.among(content)

    def knows(self, users: np.ndarray, past: Histories) -> np.ndarray:
        """See `TrainedModel.knows`."""
        return self.base.knows(users, self._learned(past))

    def user_vectors(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `TrainedModel.user_vectors`."""
        return self.base.user_vectors(users, self._learned(past))

    def similarity_vectors(self) -> torch.Tensor:
        """See `TrainedModel.similarity_vectors`."""
        return torch.cat([self.base.similarity_vectors(), self.added.similarity_vectors()])

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        """See `TrainedModel.score`."""
        past = self._learned(past)
        return torch.cat([self.base.score(users, past), self.added.score(users, past)], 1)

    def _learned(self, past: Histories) -> Histories:
        """The histories without the further items."""
        learned = past.items < len(self.base.content.trained)
        if learned.all():
            return past
        before = np.concatenate([[0], np.cumsum(learned)])
        return Histories(before[past.offsets], past.items[learned])


def grow(engine: Engine, content: ItemInputs, rows: pd.DataFrame) -> Engine:
    """An engine that also recommends new items; nobody has chosen them.

    Args:
        engine: of a model that scores new items.
        content: their inputs.
        rows: their rows of the item table.

    Raises:
        UserError: if the model cannot score new items.
    """
    split = engine.split
    rows = rows.reindex(columns=split.items.columns).assign(train_interactions=0)
    model = GrownModel(engine.model, content.to(engine.model.device), rows["item_id"].tolist())
    items = pd.concat([split.items, rows.astype(split.items.dtypes)], ignore_index=True)
    return Engine(model, Split(items, split.user_ids, split.past))
