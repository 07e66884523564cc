"""A linear layer on all contents of an item: the vectors of its modalities, its numbers and its categories."""

import torch
from torch import nn

from fusionrec.data.item_inputs import ItemInputs
from fusionrec.errors import UserError
from fusionrec.models.fusion.layers import Linear, drop

SPREAD = 0.1  # standard deviation of the vectors of category values at the start


class ContentLayer(nn.Module):
    """The sum of a linear map of each modality and of the numbers, and of the vectors of the category values.

    It is a linear layer on these inputs side by side. A modality that an item lacks counts as a learned vector.

    Args:
        content: inputs of the items, of which the widths matter only.
        category_values: how many values the categories have together.
        width: of the result.
        model: name of the model that reads the contents.

    Raises:
        UserError: if the items have no contents.
    """

    def __init__(self, content: ItemInputs, category_values: int, width: int, model: str):
        super().__init__()
        widths = {name: one.vectors.shape[1] for name, one in content.modalities.items()}
        numbers = content.numbers.shape[1]
        if not widths and not numbers and not category_values:
            raise UserError(
                f"model.name: {model} reads the contents of items, and there are none; switch on at least one "
                "encoder, such as model.vision, or choose another model"
            )
        self.modalities = nn.ModuleDict(
            {name: Linear(one, width, bias=False) for name, one in widths.items()}
        )
        self.absent = nn.ParameterDict({name: nn.Parameter(torch.zeros(width)) for name in widths})
        self.numbers = Linear(numbers, width, bias=False) if numbers else None
        self.categories = nn.Parameter(torch.zeros(category_values, width)) if category_values else None
        self.bias = nn.Parameter(torch.zeros(width))

    def reset(self, generator: torch.Generator, gain: float = 1.0) -> None:
        """Draw the matrices: Xavier, uniform, times `gain`; the vectors of category values from a small normal."""
        for layer in self.modules():
            if isinstance(layer, Linear):
                nn.init.xavier_uniform_(layer.weight, gain, generator=generator)
        if self.categories is not None:
            nn.init.normal_(self.categories, std=SPREAD, generator=generator)
        for vector in [*self.absent.values(), self.bias]:
            nn.init.zeros_(vector)

    def inputs(self) -> list[str]:
        """The names of the inputs that it reads."""
        named = {"numbers": self.numbers, "categories": self.categories}
        return [*self.modalities, *(name for name, part in named.items() if part is not None)]

    def forward(
        self, content: ItemInputs, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """[n, width] of all items of `content`.

        Args:
            content: inputs of n items.
            dropout: share of the values of modalities and numbers that are dropped.
            generator: draws the dropout; None: there is none.
        """
        total = self.bias.expand(len(content.trained), -1)
        for name, layer in self.modalities.items():
            one = content.modalities[name]
            projected = layer(drop(one.vectors, dropout, generator))
            total = total + torch.where(one.present[:, None], projected, self.absent[name])
        if self.numbers is not None:
            total = total + self.numbers(drop(content.numbers, dropout, generator))
        if self.categories is not None:
            bags = content.category_values, self.categories, content.category_offsets
            total = total + nn.functional.embedding_bag(*bags, mode="sum", include_last_offset=True)
        return total
