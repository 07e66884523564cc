"""Small parts that the models share."""

import torch


def drop(x: torch.Tensor, rate: float, generator: torch.Generator | None) -> torch.Tensor:
    """Inverted dropout drawn from an explicit generator; without one, `x` itself."""
    if generator is None or rate == 0:
        return x
    keep = torch.rand(x.shape, generator=generator, device=x.device) >= rate
    return x * keep / (1 - rate)


def drop_rows(x: torch.Tensor, rate: float, generator: torch.Generator | None) -> torch.Tensor:
    """Zeroes whole rows of [n, d] and does not rescale the others: a dropped row stands for "unknown"."""
    if generator is None or rate == 0:
        return x
    keep = torch.rand((len(x), 1), generator=generator, device=x.device) >= rate
    return x * keep
