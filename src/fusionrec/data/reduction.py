"""Vectors reduced to principal components and scaled, fitted on train items."""

from typing import NamedTuple

import numpy as np
import torch

from fusionrec.data.pca import principal_axes


class Reduction(NamedTuple):
    """An affine map, fitted on train items: `(x - mean) @ basis / scale`.

    Attributes:
        mean: float64 [width].
        basis: float64 [width, components], principal axes; None: all columns stay.
        scale: float64 [].
    """

    mean: torch.Tensor
    basis: torch.Tensor | None
    scale: torch.Tensor

    def apply(self, x: torch.Tensor) -> torch.Tensor:
        """[n, width] -> float32 [n, components]."""
        centred = x.double() - self.mean
        return ((centred if self.basis is None else centred @ self.basis) / self.scale).float()

    def to(self, device: torch.device) -> "Reduction":
        """The same map on `device`."""
        basis = None if self.basis is None else self.basis.to(device)
        return Reduction(self.mean.to(device), basis, self.scale.to(device))


def fit_reduction(seen: np.ndarray, components: int) -> Reduction:
    """The reduction fitted on `seen`, vectors [n, width] of train items; see `fit_vectors`."""
    x = torch.from_numpy(seen).double()
    mean, basis = x.mean(0), None
    x = x - mean
    if 0 < components < x.shape[1]:
        _, basis = principal_axes(x, components)
        x = x @ basis
    spread = x.square().mean().sqrt()
    # if all vectors are equal there is nothing to scale
    return Reduction(mean, basis, torch.where(spread > 0, spread, 1))
