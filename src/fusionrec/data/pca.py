"""Principal components, the same on every CPU."""

import torch


def principal_axes(centred: torch.Tensor, count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Directions of the largest variance (Jolliffe, "Principal component analysis", Springer 2002).

    Args:
        centred: float64 [n, width], of mean 0.
        count: of axes.

    Returns:
        float64 [width], variances times n, largest first; and float64 [width, count], the first axes.
    """
    variances, axes = torch.linalg.eigh(centred.T @ centred)
    axes = axes[:, -count:].flip(1)
    # an eigenvector's sign is arbitrary: make its largest entry positive
    return variances.flip(0), axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()
