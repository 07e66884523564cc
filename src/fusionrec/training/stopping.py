"""Early stopping."""

import math
from typing import Any


def better(value: float, best: float | None, direction: str) -> bool:
    """Whether `value` beats `best` (None: there is none yet) in `direction`, max or min; NaN never does."""
    if math.isnan(value):
        return False
    return best is None or (value > best if direction == "max" else value < best)


class EarlyStopping:
    """Ends training after `patience` epochs without a better value of the monitored metric.

    Prechelt, "Early Stopping - But When?", 1998.

    Attributes:
        epoch: how many values were seen.
        best: the best of them, None while all were NaN.
        best_epoch: when it was seen, counted from 1; 0 for none.
    """

    def __init__(self, direction: str, patience: int):
        self.direction, self.patience = direction, patience
        self.epoch, self.best_epoch = 0, 0
        self.best: float | None = None

    def update(self, value: float) -> bool:
        """Record the value of the next epoch; returns whether it is the best so far."""
        self.epoch += 1
        improved = better(value, self.best, self.direction)
        if improved:
            self.best, self.best_epoch = value, self.epoch
        return improved

    @property
    def stop(self) -> bool:
        """Whether patience has run out."""
        return self.epoch - self.best_epoch >= self.patience

    def state_dict(self) -> dict[str, Any]:
        """What was seen, as plain values for JSON."""
        return {"epoch": self.epoch, "best": self.best, "best_epoch": self.best_epoch}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from `state_dict`."""
        self.epoch, self.best, self.best_epoch = state["epoch"], state["best"], state["best_epoch"]
