"""Inputs of small catalogues."""

import torch

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.data.modalities import MODALITIES


def contents(items: int, **tensors: torch.Tensor) -> ItemInputs:
    """`ItemInputs` of named tensors, such as `vision`, `vision_present` and `numbers`.

    What is not named is what most items have: a modality that is present, without tokens; no numbers, no categories, a
    train interaction.
    """
    everything, bags = torch.ones(items, dtype=torch.bool), torch.zeros(items + 1, dtype=torch.int64)
    usual = {
        "numbers": torch.zeros(items, 0),
        "category_offsets": bags,
        "category_values": bags[:0],
        "trained": everything,
    }
    for name in MODALITIES:
        usual |= {f"{name}_present": everything.clone(), f"{name}_tokens": torch.zeros(items, 0, 0)}
    return ItemInputs.of_tensors(usual | tensors)


def without(content: ItemInputs, *names: str) -> ItemInputs:
    """The same inputs with some modalities switched off."""
    left = {name: one for name, one in content.modalities.items() if name not in names}
    return content._replace(modalities=left)
