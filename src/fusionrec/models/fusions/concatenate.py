"""Concatenation of the parts, followed by one linear layer.

That layer consists of one matrix for each part, and the product with the part's own projection is again one
linear projection. So the sum of the projected parts is the same model, and is computed instead.
`shares` are those of the norms.
"""

import torch

from fusionrec.models.fusions import Fusion, norm_shares


class Method(Fusion):
    """See the module; `forward` is that of `Fusion`."""

    def forward(
        self, parts: torch.Tensor, present: torch.Tensor, generator: torch.Generator | None = None
    ) -> torch.Tensor:
        """See `Fusion.forward`."""
        return parts.sum(1)

    def shares(self, parts: torch.Tensor, present: torch.Tensor) -> dict[str, float]:
        """See `Fusion.shares`; they add up to 1."""
        return norm_shares(self.names, parts)
