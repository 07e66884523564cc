"""Low-rank adapters: the weights of a layer stay fixed, and the product of two small matrices is added to them.

Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", ICLR 2022.
"""

import math

import torch
from torch import nn

from fusionrec.encoders.blocks import Part
from fusionrec.encoders.onednn import OneDnnLinear
from fusionrec.errors import UserError


def attach(tower: nn.Module, part: Part, rank: int, generator: torch.Generator) -> dict[str, nn.Parameter]:
    """Put adapters on the linear layers and 1x1 convolutions of `part.blocks`, in place.

    At first they change nothing, because one of the two matrices is zero.

    Args:
        tower: the whole network.
        part: the end of `tower`, whose blocks get adapters.
        rank: of the products.
        generator: draws the initial values of the other matrix, on the CPU.

    Returns:
        The weights of the adapters by name.

    Raises:
        UserError: if no layer can have an adapter.
    """
    inside = {module for block in part.blocks for module in block.modules()}
    names = [
        name
        for name, module in tower.named_modules()
        if module in inside and _adaptable(module) and f"{name}.weight" in part.weights
    ]
    if not names:
        raise UserError(
            "train.finetune.lora_rank: the encoder's blocks have neither linear layers nor 1x1 convolutions; "
            "set it to 0"
        )
    from peft import LoraConfig, inject_adapter_in_model

    with torch.random.fork_rng(devices=[]):  # peft draws from the global generator
        inject_adapter_in_model(LoraConfig(r=rank, lora_alpha=rank, target_modules=names), tower)
    adapters = {name: weight for name, weight in tower.named_parameters() if ".lora_" in name}
    for name, weight in adapters.items():
        if ".lora_A." in name:
            drawn = nn.init.kaiming_uniform_(torch.empty(weight.shape), math.sqrt(5), generator=generator)
            weight.data.copy_(drawn)
    return adapters


def merged(model: nn.Module) -> dict[str, torch.Tensor]:
    """The state of `model` with each adapter added to its layer, under the names of a model without adapters."""
    state = model.state_dict()
    for name in [name for name in state if name.endswith(".base_layer.weight")]:
        layer = model.get_submodule(name.removesuffix(".base_layer.weight"))
        state[name] = state[name] + layer.get_delta_weight("default")  # type: ignore[operator]
    return {
        name.replace(".base_layer.", "."): tensor for name, tensor in state.items() if ".lora_" not in name
    }


def _adaptable(module: nn.Module) -> bool:
    if isinstance(module, nn.Conv2d):
        return module.kernel_size == (1, 1) and module.groups == 1
    # the weights of other layers may be read without calling them
    return type(module) in (nn.Linear, OneDnnLinear)
