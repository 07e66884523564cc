"""The contents of items as one matrix of features, for models in closed form.

Each input is a block of columns: the vectors of each modality, the numbers, and the categories as 0 and 1. A block is
centred at the mean of the train items that have the input, and scaled so that the mean squared length of their rows
is 1: all inputs count the same, however wide they are. Then it is multiplied by the input's weight. An item without a
modality gets zeros there: it is treated like the mean.
"""

from typing import NamedTuple

import torch
from torch import nn

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UnsuitableDataError, UserError
from fusionrec.params import Section, Weight


class WeightedInputs(Section):
    """`weights` of the inputs: names of modalities, numbers and categories; those that are not named weigh 1."""

    weights: dict[str, Weight]


class Block(NamedTuple):
    """One input of n items.

    Attributes:
        values: float32 [n, width].
        present: bool [n], which items have it.
    """

    values: torch.Tensor
    present: torch.Tensor


def blocks(content: ItemInputs, category_values: int) -> dict[str, Block]:
    """All inputs that have columns, by name.

    Args:
        content: inputs of n items.
        category_values: how many values the categories have together.
    """
    everything = torch.ones_like(content.trained)
    found = {name: Block(one.vectors, one.present) for name, one in content.modalities.items()}
    found["numbers"] = Block(content.numbers, everything)
    found["categories"] = Block(multi_hot(content, category_values), everything)
    return {name: block for name, block in found.items() if block.values.shape[1]}


def widths(content: ItemInputs, category_values: int) -> dict[str, int]:
    """How many columns each of the `blocks` has, by name."""
    found = {name: one.vectors.shape[1] for name, one in content.modalities.items()}
    found |= {"numbers": content.numbers.shape[1], "categories": category_values}
    return {name: width for name, width in found.items() if width}


def multi_hot(content: ItemInputs, category_values: int) -> torch.Tensor:
    """float32 [n, category_values]: 1 where an item has the value."""
    items = len(content.trained)
    row = torch.repeat_interleave(
        torch.arange(items, device=content.trained.device), content.category_offsets.diff()
    )
    hot = torch.zeros(items, category_values, device=row.device)
    hot[row, content.category_values] = 1
    return hot


class ContentFeatures(nn.Module):
    """Features of items, fitted on train items, and saved with the model.

    Args:
        owner: name of the model, for messages.
        content: inputs of the catalogue; only their widths matter.
        category_values: how many values the categories have together.
        weights: of inputs by name; others weigh 1.

    Raises:
        UserError: if there are no contents, or a weight is of an input that does not exist.
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, owner: str, content: ItemInputs, category_values: int, weights: dict[str, float]):
        super().__init__()
        self.widths = widths(content, category_values)
        self.category_values, self.weights = category_values, weights
        check_inputs(owner, list(self.widths), weights)
        self.register_buffer("mean", torch.zeros(self.width))
        self.register_buffer("scale", torch.zeros(self.width))

    @property
    def width(self) -> int:
        """The number of columns."""
        return sum(self.widths.values())

    def fit(self, content: ItemInputs) -> None:
        """Compute means and scales from the train items of the catalogue."""
        means, scales = [], []
        for name, block in blocks(content, self.category_values).items():
            seen = block.values[block.present & content.trained].double()
            mean = seen.mean(0) if len(seen) else seen.new_zeros(seen.shape[1])
            length = (seen - mean).square().sum(1).mean().sqrt() if len(seen) else seen.new_zeros(())
            weight = self.weights.get(name, 1.0)
            means.append(mean)
            scales.append((weight / length if length > 0 else length).expand(len(mean)))
        self.mean.copy_(torch.cat(means))
        self.scale.copy_(torch.cat(scales))

    def forward(self, content: ItemInputs) -> torch.Tensor:
        """float32 [n, width]: the features of any items, of the catalogue or new."""
        found = list(blocks(content, self.category_values).values())
        values = torch.cat([block.values for block in found], 1)
        present = torch.cat([block.present[:, None].expand(block.values.shape) for block in found], 1)
        return (values - self.mean) * self.scale * present

    def by_input(self, features: torch.Tensor) -> dict[str, torch.Tensor]:
        """The columns of each input, of features [n, width]."""
        return dict(zip(self.widths, features.split([*self.widths.values()], 1), strict=True))


def check_inputs(owner: str, inputs: list[str], weights: dict[str, float]) -> None:
    """Refuse items without contents, and weights of inputs that items do not have.

    Raises:
        UnsuitableDataError: if the items have no contents.
        UserError: if a weight is of an input that does not exist.
    """
    if not any(weights.get(name, 1.0) for name in inputs):
        raise UnsuitableDataError(
            f"{owner}: the items have no contents that it could compare; switch on a modality, such as model.vision, "
            f"give the items numbers or categories, or set a weight in {owner}.weights above 0, or choose another model"
        )
    unknown = [name for name in weights if name not in inputs]
    if unknown:
        raise UserError(
            f"{owner}: weights names {', '.join(unknown)}, but the inputs of the items are {', '.join(inputs)}; "
            "remove it, or switch the input on"
        )
