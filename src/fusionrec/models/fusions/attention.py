"""Each present part attends to all present parts; what it attends to is added to the plain sum.

Parts have no position, so that their order does not matter. `shares` are the attention that each part
receives, mean over heads and over the parts that attend.
"""

import torch

from fusionrec.models.fusion.attention import Attention, Tokens
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.fusions import Fusion


class Method(Fusion):
    """See the module; `forward` is that of `Fusion`."""

    def __init__(self, options: FusionOptions, names: list[str]):
        super().__init__(options, names)
        self.attention = Attention(options)

    def forward(
        self, parts: torch.Tensor, present: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """See `Fusion.forward`."""
        attended = self.attention(parts, Tokens(parts, present), generator)
        return parts.sum(1) + self.strength * (attended * present[:, :, None]).sum(1)

    def shares(self, parts: torch.Tensor, present: torch.Tensor) -> dict[str, float]:
        """See `Fusion.shares`; they add up to 1."""
        weights = self.attention.weights(parts, Tokens(parts, present)).mean(1)
        received = (weights * present[:, :, None]).sum((0, 1)) / present.sum().clamp(min=1)
        return dict(zip(self.names, received.tolist(), strict=True))

    def reset(self, generator: torch.Generator) -> None:
        """See `Fusion.reset`."""
        self.attention.reset(generator)
