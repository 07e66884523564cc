"""Linear layers through oneDNN on the CPU.

The settings that make results the same on every CPU slow MKL's matrix product down to about 0.4 of its speed;
oneDNN's product is fast, and as reproducible with a setting of its own. It has no gradient: where one is needed,
MKL's product is used.
"""

import os

import torch
from torch import nn


class OneDnnLinear(nn.Linear):
    """`nn.Linear` with the weights of `linear`."""

    def __init__(self, linear: nn.Linear):
        super().__init__(linear.in_features, linear.out_features, device="meta")
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[..., in] -> [..., out]."""
        if torch.is_grad_enabled() and (x.requires_grad or self.weight.requires_grad):
            return super().forward(x)
        return torch.ops.mkldnn._linear_pointwise(x.contiguous(), self.weight, self.bias, "none", [], "")


def route(model: nn.Module, device: torch.device) -> nn.Module:
    """Replace the linear layers of `model` in place if MKL runs in its reproducible mode and the device is a CPU."""
    if device.type == "cpu" and os.environ.get("MKL_CBWR") == "COMPATIBLE":
        for module in list(model.modules()):
            for name, child in module.named_children():
                if type(child) is nn.Linear:
                    setattr(module, name, OneDnnLinear(child))
    return model
