"""Linear layers and convolutions of frozen encoders through oneDNN on the CPU.

torch sends linear layers to MKL, and 1x1 convolutions of small batches too. The mode in which MKL gives the same bytes
on every CPU has less than half of its speed; oneDNN is fast, and as reproducible with a setting of its own. It also
applies an activation in the same pass. It has no gradient: where one is needed, torch's own layer is used.
"""

from typing import Any

import torch
from torch import nn

SHAPE = "kernel_size", "stride", "padding", "dilation", "groups"


class OneDnnLinear(nn.Linear):
    """`nn.Linear` with the weights of `linear`."""

    def __init__(self, linear: nn.Linear):
        super().__init__(linear.in_features, linear.out_features, device="meta")
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        if _needs_gradient(self, x):
            return super().forward(x)
        return torch.ops.mkldnn._linear_pointwise(x.contiguous(), self.weight, self.bias, "none", [], "")


class OneDnnConv2d(nn.Conv2d):
    """`nn.Conv2d` with the weights of `conv`, whose padding must be a number of zeros.

    Attributes:
        activation: what follows, by oneDNN's name and its arguments; only where no gradient is needed.
    """

    def __init__(self, conv: nn.Conv2d):
        shape: dict[str, Any] = {name: getattr(conv, name) for name in SHAPE}
        super().__init__(conv.in_channels, conv.out_channels, **shape, device="meta")
        self.weight, self.bias = conv.weight, conv.bias
        self.activation: tuple[str, list[float]] = "none", []

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
    """Replace the linear layers and convolutions of `model`, on the CPU in float32, in place."""
    for module in list(model.modules()):
        for name, child in module.named_children():
            if type(child) is nn.Linear:
                setattr(module, name, OneDnnLinear(child))
            elif (
                type(child) is nn.Conv2d
                and child.padding_mode == "zeros"
                and not isinstance(child.padding, str)
            ):
                setattr(module, name, OneDnnConv2d(child))
    return model
