"""Items that are encoded again in each step, by encoders that are trained with the model."""

from typing import NamedTuple, Protocol, cast

import numpy as np
import torch
from torch import nn

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.data.reduction import Reduction


class Live(NamedTuple):
    """Items to encode again: their rows, int64 [n], and what the encoder prepared, on the CPU; n may be 0."""

    rows: torch.Tensor
    batch: dict[str, torch.Tensor]


class LiveEncoder(Protocol):
    """An encoder that is trained with the model: `fusionrec.training.finetune.Trainable`.

    Attributes:
        table: float32 [items, components], vectors of all items, zero where absent; on the CPU.
        present: bool [items], which items have an input.
        reduction: from the encoder's vectors to those of the table.
    """

    table: torch.Tensor
    present: np.ndarray
    reduction: Reduction

    def draw(self, items: torch.Tensor, draws: np.random.Generator) -> Live:
        """Some of `items`, int64 [n], distinct, augmented; `draws` draws everything."""
        ...

    def __call__(self, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """What was prepared -> float32 [n, components], on the device and with a gradient."""
        ...

    def renew(self) -> None:
        """Encode the whole table again."""
        ...


class Encoders(nn.ModuleDict):
    """All encoders that are not frozen, by modality."""

    def draw(self, items: torch.Tensor, draws: np.random.Generator) -> dict[str, Live]:
        """What each encodes again in a step whose distinct targets are `items`, int64 [n]."""
        return {modality: encoder.draw(items, draws) for modality, encoder in self._each()}

    def enliven(self, content: ItemInputs, live: dict[str, Live]) -> ItemInputs:
        """`content` with the rows of `live` encoded again; their gradient reaches the encoders."""
        for modality, encoder in self._each():
            rows, batch = live[modality]
            if len(rows):
                table = content.modalities[modality].vectors
                again = table.index_put((rows.to(table.device),), encoder(batch))
                content = content.with_modality(modality, vectors=again)
        return content

    def renew(self) -> None:
        """Encode all tables again."""
        for _, encoder in self._each():
            encoder.renew()

    def insert(self, content: ItemInputs) -> ItemInputs:
        """`content` with the tables in it."""
        device = content.trained.device
        for modality, encoder in self._each():
            present = torch.from_numpy(encoder.present).to(device)
            content = content.with_modality(modality, vectors=encoder.table.to(device), present=present)
        return content

    def reductions(self) -> dict[str, Reduction]:
        """From the vectors of each encoder to those of its table."""
        return {modality: encoder.reduction for modality, encoder in self._each()}

    def _each(self) -> list[tuple[str, LiveEncoder]]:
        return [(modality, cast(LiveEncoder, encoder)) for modality, encoder in self.items()]
