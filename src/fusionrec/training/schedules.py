"""Learning-rate schedules: a factor that is common to all parameter groups, warm-up times decay."""

import math
from typing import Any

import torch

from fusionrec.training.options import Train
from fusionrec.training.stopping import better


def build(optimizer: torch.optim.Optimizer, options: Train, steps_per_epoch: int) -> "Schedule":
    """The schedule that `train.schedule` names; it sets the rate of the first step."""
    return Schedule(optimizer, options, steps_per_epoch)


class Schedule:
    """Sets the rate of each step: the base rate of each group times `factor`."""

    def __init__(self, optimizer: torch.optim.Optimizer, options: Train, steps_per_epoch: int):
        self.optimizer, self.options, self.steps_per_epoch = optimizer, options, steps_per_epoch
        self.base = [group["lr"] for group in optimizer.param_groups]
        self.taken, self.waited, self.reductions = 0, 0, 0
        self.best: float | None = None
        self._apply()

    def step(self) -> None:
        """After each step of the optimiser."""
        self.taken += 1
        self._apply()

    def epoch(self, value: float) -> None:
        """After each validation, with the monitored metric; used by `plateau` only."""
        if self.options.schedule != "plateau":
            return
        if better(value, self.best, self.options.direction):
            self.best, self.waited = value, 0
        else:
            self.waited += 1
        if self.waited == self.options.plateau:
            self.waited, self.reductions = 0, self.reductions + 1
        self._apply()

    @property
    def factor(self) -> float:
        """Multiplies the base rates in the next step."""
        options, steps = self.options, self.options.epochs * self.steps_per_epoch
        rising = round(steps * options.warmup)
        warmup = min(1, (self.taken + 1) / max(1, rising))
        if options.schedule == "cosine":
            return warmup * half_cosine((self.taken - rising) / max(1, steps - rising))
        if options.schedule == "step":
            return warmup * options.decay ** (self.taken // self.steps_per_epoch // options.decay_every)
        return warmup * options.decay**self.reductions

    def state_dict(self) -> dict[str, Any]:
        """Its progress, as plain values for JSON."""
        names = "base", "taken", "waited", "reductions", "best"
        return {name: getattr(self, name) for name in names}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`, and set the rates."""
        for name in self.state_dict():
            setattr(self, name, state[name])
        self._apply()

    def _apply(self) -> None:
        for group, base in zip(self.optimizer.param_groups, self.base, strict=True):
            group["lr"] = base * self.factor


def half_cosine(progress: float) -> float:
    """Falls from 1 to 0 while `progress` goes from 0 to 1; constant outside.

    Loshchilov and Hutter, "SGDR: Stochastic Gradient Descent with Warm Restarts", ICLR 2017, without restarts.
    """
    return 0.5 * (1 + math.cos(math.pi * min(max(progress, 0), 1)))
