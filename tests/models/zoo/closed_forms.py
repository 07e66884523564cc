"""Items without any contents, for models that know them by their interactions only."""

import torch

from fusionrec.data.item_inputs import ItemInputs


def contents(items: int) -> ItemInputs:
    nothing, everything = torch.zeros(items, 0), torch.ones(items, dtype=torch.bool)
    bags = torch.zeros(items + 1, dtype=torch.int64)
    tokens = torch.zeros(items, 0, 0)
    return ItemInputs(
        nothing, everything, nothing, everything, nothing, bags, bags[:0], everything, tokens, tokens
    )
