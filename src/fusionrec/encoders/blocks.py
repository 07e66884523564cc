"""The anatomy of a tower: its repeated blocks, and which weights its vectors depend on from where on."""

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
        weights: by name, those of the blocks and all that are used after them.
    """

    blocks: list[nn.Module]
    weights: dict[str, nn.Parameter]


def last(tower: nn.Module, example: dict[str, torch.Tensor], count: int) -> Part:
    """The last `count` blocks and what follows them: the final norm, pooler and projection.

    Blocks and weights on which no vector depends, such as a pooler that pooling passes by, do not count.

    Args:
        tower: takes `example` as keywords.
        example: inputs.
        count: 0: all of the tower.

    Raises:
        UserError: if there are not so many blocks.
    """
    called, used = _watch(tower, example)
    found = [block for block in blocks(tower) if any(weight in used for weight in block.parameters())]
    found.sort(key=lambda block: called[block])
    if count > len(found):
        raise UserError(
            f"train.finetune.blocks is {count}, but the encoder has {len(found)} blocks; 0 trains all of it"
        )
    start = called[found[-count]] if count else 0
    modules = dict(tower.named_modules())
    weights = {
        name: weight
        for name, weight in tower.named_parameters()
        if weight in used and _when(name, modules, called) >= start
    }
    return Part(found[-count:], weights)


def blocks(tower: nn.Module) -> list[nn.Module]:
    """The layers of a transformer, the residual blocks of a convolutional network.

    They are the elements of the outermost lists of composed modules. An element that is or holds such a list
    itself is a stage, and stands for its elements.
    """
    return [block for element in _elements(tower) for block in _elements(element) or [element]]


def recompute(blocks: list[nn.Module]) -> None:
    """From now on the backward pass computes what is inside of a block anew, instead of keeping it.

    Chen et al., "Training Deep Nets with Sublinear Memory Cost", 2016. Of any library's models, and without
    their training mode, on which the libraries' own switches depend.
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
    return called, {weight for weight, found in zip(weights, gradients, strict=True) if found is not None}


def _when(name: str, modules: dict[str, nn.Module], called: dict[nn.Module, int]) -> int:
    """When a weight is used: its owner may be read without being called, and then counts as its parent."""
    owner = name.rpartition(".")[0]
    while modules[owner] not in called:
        owner = owner.rpartition(".")[0]
    return called[modules[owner]]
