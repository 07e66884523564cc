"""Small layers that the parts of the fusion model share.

Weights start at zero, or at one where that is neutral, and nothing is drawn from torch's global generator:
`reset` draws the weights of a layer, and dropout acts only where a generator is given.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import nn

from fusionrec.models.fusion.options import FusionOptions

ACTIVATIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "relu": F.relu,
    "gelu": F.gelu,
    "tanh": torch.tanh,
    "leaky_relu": F.leaky_relu,
    "silu": F.silu,
}
EPSILON, MOMENTUM = 1e-5, 0.1  # of batch norm


class Linear(nn.Linear):
    """A linear layer of zeros."""

    def reset_parameters(self) -> None:
        """Zeros, where torch draws."""
        nn.init.zeros_(self.weight)
        if self.bias is not None:
            nn.init.zeros_(self.bias)


def table(rows: int, dim: int) -> nn.Embedding:
    """An embedding table of zeros."""
    return nn.Embedding(rows, dim, _weight=torch.zeros(rows, dim))


def draw(weight: torch.Tensor, scheme: str, gain: float, generator: torch.Generator) -> None:
    """Initial weights of a matrix [out, in].

    Xavier has variance 2 / (in + out) (Glorot and Bengio, "Understanding the difficulty of training deep
    feedforward neural networks", AISTATS 2010), Kaiming 2 / in (He et al., "Delving Deep into Rectifiers",
    ICCV 2015), both times gain^2.
    """
    if scheme.startswith("xavier"):
        xavier = nn.init.xavier_uniform_ if scheme == "xavier_uniform" else nn.init.xavier_normal_
        xavier(weight, gain=gain, generator=generator)
        return
    kaiming = nn.init.kaiming_uniform_ if scheme == "kaiming_uniform" else nn.init.kaiming_normal_
    kaiming(weight, nonlinearity="relu", generator=generator)
    with torch.no_grad():
        weight.mul_(gain)


def drop(x: torch.Tensor, rate: float, generator: torch.Generator | None) -> torch.Tensor:
    """Inverted dropout drawn from an explicit generator; without one, `x` itself.

    Four decisions share one 64-bit random number, 16 bits each, and the rate is rounded to 16 bits: on wide inputs,
    one float per value would take longer than the projection that follows.
    """
    if generator is None or rate == 0:
        return x
    dropped = round(rate * 2**16)
    words = torch.empty(-(-x.numel() // 4), dtype=torch.int64, device=x.device)
    draws = words.random_(-(2**63), None, generator=generator).view(torch.int16)[: x.numel()].view(x.shape)
    # compared into floats and multiplied: half the time of torch.where
    kept = torch.ge(draws, dropped - 2**15, out=torch.empty(x.shape, dtype=x.dtype, device=x.device))
    return x * (kept.mul_(2**16 / (2**16 - dropped)) if dropped < 2**16 else kept)


def keep_rows(present: torch.Tensor, rate: float, generator: torch.Generator | None) -> torch.Tensor:
    """bool [n]: `present` without the rows that dropout removes. A dropped row means "unknown".

    The others are not rescaled, because an unknown row is a separate case and not noise around a mean.
    """
    if generator is None or rate == 0:
        return present
    return present & (torch.rand(present.shape, generator=generator, device=present.device) >= rate)


class BatchNorm(nn.Module):
    """Batch normalisation whose statistics leave out rows that are not present.

    Ioffe and Szegedy, "Batch Normalization", ICML 2015. In train mode by the mean and variance of the rows,
    which also move running ones; in eval mode by the running ones.
    """

    mean: torch.Tensor
    variance: torch.Tensor

    def __init__(self, width: int):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.bias = nn.Parameter(torch.zeros(width))
        self.register_buffer("mean", torch.zeros(width))
        self.register_buffer("variance", torch.ones(width))

    def forward(self, x: torch.Tensor, present: torch.Tensor | None = None) -> torch.Tensor:
        """[..., width], bool [...] -> [..., width]."""
        mean, variance = self._statistics(x, present) if self.training else (self.mean, self.variance)
        return (x - mean) * torch.rsqrt(variance + EPSILON) * self.weight + self.bias

    def _statistics(self, x: torch.Tensor, present: torch.Tensor | None) -> tuple[torch.Tensor, torch.Tensor]:
        rows = x.reshape(-1, x.shape[-1]).float()
        counted = torch.ones_like(rows[:, :1]) if present is None else present.reshape(-1, 1).float()
        share = counted / counted.sum().clamp(min=1)
        mean = (share * rows).sum(0)
        variance = (share * (rows - mean).square()).sum(0)
        with torch.no_grad():
            rate = MOMENTUM * share.sum()  # 0 where no row is present
            self.mean += rate * (mean - self.mean)
            self.variance += rate * (variance - self.variance)
        return mean, variance

    def reset(self) -> None:
        """Restore the initial state."""
        for value, tensor in ((1, self.weight), (0, self.bias), (0, self.mean), (1, self.variance)):
            nn.init.constant_(tensor, value)


class Nonlinear(nn.Module):
    """[Batch norm] -> activation -> dropout: what follows the linear map of a hidden layer."""

    def __init__(self, width: int, options: FusionOptions):
        super().__init__()
        self.norm = BatchNorm(width) if options.batch_norm else None
        self.activation = ACTIVATIONS[options.activation]
        self.rate = options.dropout

    def forward(
        self,
        x: torch.Tensor,
        generator: torch.Generator | None = None,
        present: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """[..., width], bool [...] -> [..., width]."""
        if self.norm is not None:
            x = self.norm(x, present)
        return drop(self.activation(x), self.rate, generator)

    def reset(self) -> None:
        """Neutral batch norm."""
        if self.norm is not None:
            self.norm.reset()


class Hidden(nn.Module):
    """A hidden layer: linear -> [batch norm] -> activation -> dropout."""

    def __init__(self, width: int, dim: int, options: FusionOptions):
        super().__init__()
        self.linear = Linear(width, dim)
        self.nonlinear = Nonlinear(dim, options)
        self.scheme = options.init

    def forward(
        self,
        x: torch.Tensor,
        generator: torch.Generator | None = None,
        present: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """[..., width], bool [...] -> [..., dim]; batch norm looks at present rows only."""
        return self.nonlinear(self.linear(x), generator, present)

    def reset(self, generator: torch.Generator) -> None:
        """Draw the weights."""
        draw(self.linear.weight, self.scheme, 1, generator)
        nn.init.zeros_(self.linear.bias)
        self.nonlinear.reset()
