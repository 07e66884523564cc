"""What models of any number of modalities share: which they need, the weight of each, and its projection."""

import torch
from torch import nn

from fusionrec.data.item_inputs import ItemInputs, Modality
from fusionrec.errors import UserError
from fusionrec.models.fusion.layers import Linear


def required(content: ItemInputs, model: str) -> dict[str, Modality]:
    """The modalities of the items, by name.

    Raises:
        UserError: if there is none.
    """
    if not content.modalities:
        raise UserError(
            f"model.name: {model} needs vectors of items, and there are none; switch on at least one encoder, such "
            "as model.vision, or choose another model"
        )
    return content.modalities


def shares(weights: dict[str, float], modalities: list[str], parameter: str) -> dict[str, float]:
    """The weight of each of `modalities`; they add up to 1.

    Those that `weights` does not name share what is left of 1 in equal parts.

    Raises:
        UserError: if `weights`, the parameter of that name, has a name that is no modality, or leaves nothing.
    """
    if unknown := [name for name in weights if name not in modalities]:
        raise UserError(
            f"{parameter}: the items have no {', '.join(unknown)}, only {', '.join(modalities)}; remove it, or switch "
            "on its encoder"
        )
    others = [name for name in modalities if name not in weights]
    left = max(0.0, 1 - sum(weights.values())) / max(1, len(others))
    each = {name: weights.get(name, left) for name in modalities}
    if not (total := sum(each.values())):
        raise UserError(f"{parameter}: all weights are 0; at least one must be above 0")
    return {name: weight / total for name, weight in each.items()}


class Projections(nn.ModuleDict):
    """A linear layer with a bias for each modality, from its vectors to `dim`; zeros until `draw`."""

    def __init__(self, modalities: dict[str, Modality], dim: int):
        super().__init__({name: Linear(one.vectors.shape[1], dim) for name, one in modalities.items()})


def draw(part: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of the linear layers of `part`: matrices Xavier, normal; biases are 0."""
    for weights in part.parameters():
        if weights.ndim > 1:
            nn.init.xavier_normal_(weights, generator=generator)
        else:
            nn.init.zeros_(weights)
