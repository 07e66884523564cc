"""A moving average of the weights."""

import torch

Tensors = dict[str, torch.Tensor]


def follow(average: Tensors, weights: Tensors, decay: float, steps: int) -> None:
    """Move `average` in place towards the weights after so many steps.

    average <- d * average + (1 - d) * weights with d = min(decay, (1 + steps) / (10 + steps)), so that the
    initial weights are soon forgotten (Polyak and Juditsky, "Acceleration of stochastic approximation by
    averaging", SIAM J. Control Optim. 1992; the warm-up as in TensorFlow's ExponentialMovingAverage). Counts
    and masks are copied instead.
    """
    now = min(decay, (1 + steps) / (10 + steps))
    moving = [name for name, x in weights.items() if x.is_floating_point()]
    torch._foreach_lerp_([average[name] for name in moving], [weights[name] for name in moving], 1 - now)
    for name in weights.keys() - moving:
        average[name].copy_(weights[name])
