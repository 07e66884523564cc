"""A gate for each part, 1 + fusion_weight * (2 sigmoid(g) - 1), where g is linear in all present parts.

After the gated multimodal unit (Arevalo et al. 2017, arXiv:1702.01992); gates start at 1. `shares` are
the gates of the items that have the part.
"""

import torch
from torch import nn

from fusionrec.models.fusion.layers import Linear
from fusionrec.models.fusion.options import FusionOptions
from fusionrec.models.fusions import Fusion


class Method(Fusion):
    """See the module; `forward` is that of `Fusion`."""

    def __init__(self, options: FusionOptions, names: list[str]):
        super().__init__(options, names)
        self.gate = Linear(len(names) * options.dim, len(names))

    def gates(self, parts: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
        """[n, m, dim], bool [n, m] -> [n, m]; 1 where a part is absent."""
        known = parts * present[:, :, None]
        return 1 + self.strength * (2 * torch.sigmoid(self.gate(known.flatten(1))) - 1) * present

    def forward(
        self, parts: torch.Tensor, present: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """See `Fusion.forward`."""
        return (parts * self.gates(parts, present)[:, :, None]).sum(1)

    def shares(self, parts: torch.Tensor, present: torch.Tensor) -> dict[str, float]:
        """See `Fusion.shares`."""
        total = (self.gates(parts, present) * present).sum(0) / present.sum(0).clamp(min=1)
        return dict(zip(self.names, total.tolist(), strict=True))

    def reset(self, generator: torch.Generator) -> None:
        """See `Fusion.reset`."""
        nn.init.zeros_(self.gate.weight)
        nn.init.zeros_(self.gate.bias)
