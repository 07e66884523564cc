"""Optimisers, the bound on the gradient's norm, and an optimiser's state without pickle."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from fusionrec.errors import UserError
from fusionrec.training.options import Train


def build(model: nn.Module, options: Train, slow: Iterable[nn.Parameter] = ()) -> torch.optim.Optimizer:
    """The optimiser that `train.optimizer` names, over the parameters that require a gradient.

    Matrices decay; what has one dimension or none (biases, norms, absent vectors, temperatures, recency
    weights) does not. For adam the decay is an L2 penalty, for adamw it is decoupled (Loshchilov and Hutter,
    "Decoupled Weight Decay Regularization", ICLR 2019).

    Args:
        model: its parameters learn at `lr`.
        options: see params.yaml.
        slow: parameters that learn at `finetune.lr`, whether they belong to `model` or not.
    """
    slow = list(slow)
    slowly = {id(weight) for weight in slow}
    weights = [weight for weight in dict.fromkeys([*model.parameters(), *slow]) if weight.requires_grad]
    groups = [
        {"params": chosen, "lr": rate, "weight_decay": decay}
        for of_slow, rate in ((False, options.lr), (True, options.finetune.lr))
        for matrix, decay in ((True, options.weight_decay), (False, 0.0))
        if (chosen := [w for w in weights if (id(w) in slowly) == of_slow and (w.ndim > 1) == matrix])
    ]
    # fused: the same bits on every CPU
    if options.optimizer == "adamw":
        return torch.optim.AdamW(groups, fused=True)
    if options.optimizer == "adam":
        return torch.optim.Adam(groups, fused=True)
    return torch.optim.SGD(groups, momentum=options.momentum, fused=True)


def clip(parameters: Iterable[nn.Parameter], bound: float) -> torch.Tensor:
    """Scale the gradients in place so that their common norm is at most `bound`; 0 only measures.

    Pascanu et al., "On the difficulty of training recurrent neural networks", ICML 2013.

    Returns:
        [] the norm before.
    """
    weights = list(parameters)
    norm = get_total_norm([weight.grad for weight in weights if weight.grad is not None])
    if bound:
        clip_grads_with_norm_(weights, bound, norm)
    return norm


def state(optimizer: torch.optim.Optimizer) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """What an optimiser has accumulated, without copies: the next step changes the tensors.

    Returns:
        Contiguous tensors, named <number of the parameter>.<name>, and plain values for JSON.
    """
    inner = optimizer.state_dict()["state"]
    tensors = {
        f"{i}.{name}": tensor.contiguous() for i, each in inner.items() for name, tensor in each.items()
    }
    return tensors, {"rates": [group["lr"] for group in optimizer.param_groups], "sizes": _sizes(optimizer)}


def restore(
    optimizer: torch.optim.Optimizer, tensors: dict[str, torch.Tensor], values: dict[str, Any]
) -> None:
    """Give `state`, copied, to an optimiser that was built from the same model and options.

    Raises:
        UserError: if the state is that of an optimiser with other parameters.
    """
    if values["sizes"] != _sizes(optimizer):
        raise UserError(
            "the optimiser's state does not fit: other groups of parameters; start training again"
        )
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    inner: dict[int, dict[str, torch.Tensor]] = {}
    for key, tensor in tensors.items():
        number, name = key.split(".")
        # fused steps read memory in order: moments need the memory layout of their weights
        like = tensor if name == "step" else weights[int(number)]
        if tensor.shape != like.shape:
            raise UserError(f"the optimiser's state does not fit: shape of {key}; start training again")
        inner.setdefault(int(number), {})[name] = torch.empty_like(like).copy_(tensor)
    groups = optimizer.state_dict()["param_groups"]
    for group, rate in zip(groups, values["rates"], strict=True):
        group["lr"] = rate
    optimizer.load_state_dict({"state": inner, "param_groups": groups})


def _sizes(optimizer: torch.optim.Optimizer) -> list[int]:
    return [len(group["params"]) for group in optimizer.param_groups]
