"""The structure of an encoder: its repeated blocks, and the weights that are used from a given block on."""

import functools
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from fusionrec.errors import UserError

LISTS = nn.ModuleList, nn.Sequential


class Part(NamedTuple):
    """The end of a tower.

    Attributes:
        blocks: in the order of use.
        weights: by name: the weights of the blocks, and all that are used after them.
    """

    blocks: list[nn.Module]
    weights: dict[str, nn.Parameter]


def last(tower: nn.Module, example: dict[str, torch.Tensor], count: int) -> Part:
    """The last `count` blocks and what follows them: the final norm, pooler and projection.

    Blocks and weights on which no vector depends, such as an unused pooler, do not count.

    Args:
        tower: the encoder's network, which takes `example` as keyword arguments.
        example: inputs by name, as `FrozenEncoder.prepare` gives them.
        count: of blocks; 0: the whole network.

    Raises:
        UserError: if there are fewer blocks.
    """
    called, used = _watch(tower, example)
    used_blocks = [block for block in blocks(tower) if any(weight in used for weight in block.parameters())]
    used_blocks.sort(key=lambda block: called[block])
    if count > len(used_blocks):
        raise UserError(
            f"train.finetune.blocks is {count}, but the encoder has {len(used_blocks)} blocks; 0 trains all of it"
        )
    start = called[used_blocks[-count]] if count else 0
    modules = dict(tower.named_modules())
    weights = {
        name: weight
        for name, weight in tower.named_parameters()
        if weight in used and _when(name, modules, called) >= start
    }
    return Part(used_blocks[-count:], weights)


def blocks(tower: nn.Module) -> list[nn.Module]:
    """The layers of a transformer, the residual blocks of a convolutional network.

    They are the elements of the outermost lists of composed modules. An element that is or contains such a list
    is a stage, and is replaced by the elements of that list.
    """
    return [block for element in _elements(tower) for block in _elements(element) or [element]]


def recompute(blocks: list[nn.Module]) -> None:
    """From now on, activations inside a block are recomputed in the backward pass instead of being stored.

    Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016. Works for models of any library, also in
    evaluation mode, where the libraries' own switches have no effect.
    """
    for block in blocks:
        block.forward = functools.partial(
            checkpoint, block.forward, use_reentrant=False, preserve_rng_state=False
        )


def _elements(module: nn.Module) -> list[nn.Module]:
    children = list(module.children())
    if isinstance(module, LISTS) and children and all(list(child.children()) for child in children):
        return children
    return [element for child in children for element in _elements(child)]


def _watch(
    tower: nn.Module, example: dict[str, torch.Tensor]
) -> tuple[dict[nn.Module, int], set[nn.Parameter]]:
    """When each module is first called, and which weights have a gradient."""
    called: dict[nn.Module, int] = {}

    def note(module: nn.Module, *_: object) -> None:
        called.setdefault(module, len(called))

    weights = list(tower.requires_grad_(True).parameters())
    hooks = [module.register_forward_pre_hook(note) for module in tower.modules()]
    with torch.enable_grad():
        gradients = torch.autograd.grad(tower(**example)[0].sum(), weights, allow_unused=True)
    for hook in hooks:
        hook.remove()
    tower.requires_grad_(False)
    return called, {
        weight for weight, gradient in zip(weights, gradients, strict=True) if gradient is not None
    }


def _when(name: str, modules: dict[str, nn.Module], called: dict[nn.Module, int]) -> int:
    """When a weight is used: if its module is never called itself, when the module around it is first called."""
    owner = name.rpartition(".")[0]
    while modules[owner] not in called:
        owner = owner.rpartition(".")[0]
    return called[modules[owner]]
