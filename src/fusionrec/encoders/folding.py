"""Batch norm of a frozen network, folded into the convolutions before it.

With fixed statistics, batch norm only scales and shifts each channel. A convolution can do that with other weights, in
the same pass over the memory; so can an activation that oneDNN applies itself.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import nn

from fusionrec.encoders.onednn import OneDnnConv2d

ACTIVATIONS: dict[type[nn.Module], tuple[str, list[float]]] = {
    nn.ReLU: ("relu", []),
    nn.ReLU6: ("hardtanh", [0.0, 6.0]),
}
CLOSE = 1e-3  # largest relative difference of the results; a batch norm that is folded wrongly gives another order


@torch.no_grad()
def fold(model: nn.Module, run: Callable[[], torch.Tensor]) -> None:
    """Fold every batch norm of `model` that takes the result of a convolution, in place.

    Args:
        model: in evaluation mode; its routed convolutions also take over the activation of timm's batch norms.
        run: runs the model; shows which layers follow each other. If folding changes its result by more than
            rounding, because a result is used elsewhere too, the model stays as it is.
    """
    before, undo = run(), []
    for conv_name, norm_name in _pairs(model, run):
        conv, norm = model.get_submodule(conv_name), model.get_submodule(norm_name)
        assert isinstance(conv, nn.Conv2d)
        assert isinstance(norm, nn.BatchNorm2d)
        undo.append(partial(_restore, model, conv, conv.weight, conv.bias, norm_name, norm))
        _scale(conv, norm)
        model.set_submodule(norm_name, _what_follows(conv, norm))
    if not torch.allclose(run(), before, rtol=CLOSE, atol=CLOSE * before.abs().max().item()):
        for restore in undo:
            restore()


def _pairs(model: nn.Module, run: Callable[[], torch.Tensor]) -> list[tuple[str, str]]:
    """Names of convolutions and of the batch norms that take their results, if each is called once."""
    called: Counter[str] = Counter()
    made: list[tuple[torch.Tensor, str]] = []
    pairs: list[tuple[str, str]] = []

    def after(name: str, module: nn.Module, inputs: Any, result: torch.Tensor) -> None:
        called[name] += 1
        made.append((result, name))

    def before(name: str, module: nn.Module, inputs: Any) -> None:
        called[name] += 1
        pairs.extend((conv, name) for result, conv in made if result is inputs[0])

    hooks = []
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            hooks.append(module.register_forward_hook(partial(after, name)))
        elif isinstance(module, nn.BatchNorm2d) and module.affine and module.track_running_stats:
            hooks.append(module.register_forward_pre_hook(partial(before, name)))
    run()
    for hook in hooks:
        hook.remove()
    return [pair for pair in pairs if {called[name] for name in pair} == {1}]


def _scale(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Give `conv` the weights of both; in float64, whose square root is the same on every CPU once rounded."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    bias = (
        -norm.running_mean.double() if conv.bias is None else conv.bias.double() - norm.running_mean.double()
    )
    conv.weight = _fixed(conv.weight.double() * scale[:, None, None, None])
    conv.bias = _fixed(bias * scale + norm.bias.double())


def _fixed(x: torch.Tensor) -> nn.Parameter:
    return nn.Parameter(x.float(), requires_grad=False)


def _what_follows(conv: nn.Conv2d, norm: nn.BatchNorm2d) -> nn.Module:
    """What is left of the batch norm: the activation that timm puts inside of it, unless `conv` applies it."""
    follows: Any = getattr(norm, "act", nn.Identity())
    if isinstance(conv, OneDnnConv2d) and type(follows) in ACTIVATIONS:
        conv.activation = ACTIVATIONS[type(follows)]
        return nn.Identity()
    return follows


def _restore(
    model: nn.Module, conv: nn.Conv2d, weight: Any, bias: Any, name: str, norm: nn.BatchNorm2d
) -> None:
    conv.weight, conv.bias = weight, bias
    if isinstance(conv, OneDnnConv2d):
        conv.activation = "none", []
    model.set_submodule(name, norm)
