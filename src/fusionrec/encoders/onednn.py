"""Linear layers and convolutions of frozen encoders through oneDNN on the CPU.

torch sends linear layers to MKL, and 1x1 convolutions of small batches too. The mode in which MKL gives the same bytes
on every CPU has less than half of its speed; oneDNN is fast, and as reproducible with a setting of its own. It also
applies an activation in the same pass. It has no gradient: where one is needed, torch's own layer is used.
"""

import torch
from torch import nn


class OneDnnLinear(nn.Linear):
    """`nn.Linear`, through oneDNN."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        if _needs_gradient(self, x):
            return super().forward(x)
        return torch.ops.mkldnn._linear_pointwise(x.contiguous(), self.weight, self.bias, "none", [], "")


class OneDnnConv2d(nn.Conv2d):
    """`nn.Conv2d`, whose padding is a number of zeros, through oneDNN.

    Attributes:
        activation: what follows, by oneDNN's name and its arguments; only where no gradient is needed.
    """

    activation: tuple[str, list[float]] = "none", []

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[n, in, height, width] -> [n, out, height, width]."""
        if _needs_gradient(self, x):
            return super().forward(x)
        shape = self.padding, self.stride, self.dilation, self.groups
        return torch.ops.mkldnn._convolution_pointwise(
            x, self.weight, self.bias, *shape, *self.activation, ""
        )


def _needs_gradient(layer: nn.Linear | nn.Conv2d, x: torch.Tensor) -> bool:
    return torch.is_grad_enabled() and (x.requires_grad or layer.weight.requires_grad)


def route(model: nn.Module) -> nn.Module:
    """Send the linear layers and convolutions of `model`, on the CPU in float32, through oneDNN, in place."""
    for layer in model.modules():
        if type(layer) is nn.Linear:
            layer.__class__ = OneDnnLinear  # the weights, hooks and mode stay
        elif (
            type(layer) is nn.Conv2d and layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        ):
            layer.__class__ = OneDnnConv2d
    return model
