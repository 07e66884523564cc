"""Fusion methods, one a file: how the parts of an item become one vector.

A part is what one input (id, a modality, numbers, categories) says about the item, a vector of `dim`. A part
is absent where the item does not have it: no picture, an id that is not in the training data or that dropout
removed, no category. An absent part still enters the plain sum, as the learned vector for "absent" or as zero, but
it neither changes a gate nor is attended to.

All methods start from the plain sum and add to it what they learn, scaled by `fusion_weight`. A method is a module
with a class `Method`, a `Fusion`.
"""

from typing import ClassVar

import torch
from torch import nn

from fusionrec import choices
from fusionrec.models.fusion.options import FusionOptions

PACKAGE = "fusionrec.models.fusions"


class Fusion(nn.Module):
    """What all fusions have in common.

    Attributes:
        modalities: how many the method needs at least.
        reads_tokens: whether `forward` and `shares` take the token vectors of modalities besides the parts.
    """

    modalities: ClassVar[int] = 0
    reads_tokens: ClassVar[bool] = False

    def __init__(self, options: FusionOptions, names: list[str]):
        super().__init__()
        self.names, self.strength = names, options.fusion_weight

    def forward(
        self, parts: torch.Tensor, present: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """Fuse.

        Args:
            parts: [n, m, dim], in the order of `names`.
            present: bool [n, m].
            generator: for dropout; none at evaluation.

        Returns:
            [n, dim].
        """
        raise NotImplementedError

    def shares(self, parts: torch.Tensor, present: torch.Tensor) -> dict[str, float]:
        """The share of each part in the result, mean over items, by its name."""
        raise NotImplementedError

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights, so that the result is the plain sum."""


def load(name: str) -> type[Fusion]:
    """The class of the method `name`."""
    method: type[Fusion] = choices.load(PACKAGE, name).Method
    return method


def norm_shares(names: list[str], terms: torch.Tensor) -> dict[str, float]:
    """Of each of the terms [n, m, dim] of a sum: its norm over the sum of the norms, mean over items."""
    norms = terms.double().square().sum(2).sqrt()
    shares = norms / norms.sum(1, keepdim=True).clamp(min=1e-12)
    return dict(zip(names, shares.float().mean(0).tolist(), strict=True))
