"""One scale for the scores of items with and without train interactions.

A model knows well how it scores items that it was trained on, and nothing of how it would score new ones. So train
items play new ones: in turn, a part of them gets scores a + b s instead of their own, where s is predicted of them
from contents alone. a and b make the distribution of a user's next choice over all items, the softmax of the scores,
as close as possible to the one with the items' own scores: they minimise the cross-entropy of the two, a convex
function. So new items together get the share of choices that such items have.
"""

import numpy as np
import torch

PARTS = 5  # of the train items; one after the other plays new items
OPTIONS = {"gtol": 1e-9}  # of the minimisation, which takes about ten rounds
DIGITS = 6  # of the weights that are kept, so that they do not depend on the last bits of sums
SHARES = 0.0, 0.3, 0.6  # of the tower in the sum
TOWER = torch.tensor(
    [0.0, 1.0, 0.0], dtype=torch.float64
)  # weights that leave the tower's scores as they are


class Scale:
    """The scale of new items' scores, a weighted sum of two predictions.

    Args:
        own: float64 [users, items], scores of train items; -inf for those that are not ranked, such as the user's own.
        tower: float64 [users, items], what the tower would say of them without their ids.
        regression: float64 [users, items], what the regression says of each item without having seen it.
    """

    def __init__(self, own: torch.Tensor, tower: torch.Tensor, regression: torch.Tensor):
        self.own, self.tower, self.regression = own, tower, regression

    def weights(self, share: float) -> torch.Tensor:
        """float64 [3]: a constant, and the weights of tower and regression, whose shares of the sum are given.

        Shares are of predictions that are scaled to a standard deviation of 1.
        """
        units = share / _unit(self.tower), (1 - share) / _unit(self.regression)
        predicted = units[0] * self.tower + units[1] * self.regression
        constant, slope = fitted(self.own, torch.stack([torch.ones_like(predicted), predicted]))
        rounded = [float(f"{value:.{DIGITS}g}") for value in (constant, slope * units[0], slope * units[1])]
        return torch.tensor(rounded, dtype=torch.float64)


def _unit(values: torch.Tensor) -> float:
    """The standard deviation of what differs between the items of a user; 1 if nothing does."""
    found = float((values - values.mean(1, keepdim=True)).square().mean().sqrt())
    return found if found > 0 else 1.0


def fitted(scores: torch.Tensor, features: torch.Tensor) -> list[float]:
    """The weights of features that minimise the cross-entropy; see the module.

    Args:
        scores: float64 [users, items], of train items; -inf for those that are not ranked.
        features: float64 [f, users, items]; their weighted sum stands for the scores of new items.
    """
    from scipy.optimize import minimize

    play = Play(scores, features)
    start = np.zeros(len(features))
    found = minimize(
        play.loss, start, jac=play.gradient, hess=play.curvature, method="trust-exact", options=OPTIONS
    )
    weights: list[float] = found.x.tolist()
    return weights


class Play:
    """The cross-entropy when train items play new ones, as a function of the weights of features; see `fitted`."""

    def __init__(self, scores: torch.Tensor, features: torch.Tensor):
        order = torch.randperm(scores.shape[1], generator=torch.Generator().manual_seed(0))
        self.parts = [order[part::PARTS] for part in range(PARTS)]
        self.scores, self.features, self.ranked = scores, features, scores.isfinite()
        self.expected = scores.softmax(1)
        self.at: np.ndarray | None = None

    def loss(self, weights: np.ndarray) -> float:
        """The mean over users and parts."""
        return self._computed(weights)[0]

    def gradient(self, weights: np.ndarray) -> np.ndarray:
        """float64 [f]."""
        return self._computed(weights)[1]

    def curvature(self, weights: np.ndarray) -> np.ndarray:
        """float64 [f, f], the Hessian."""
        return self._computed(weights)[2]

    def _computed(self, weights: np.ndarray) -> tuple[float, np.ndarray, np.ndarray]:
        """All three; they are kept, since each is asked for at the same weights."""
        if self.at is None or not np.array_equal(self.at, weights):
            self.at, self.kept = weights.copy(), self._compute(torch.from_numpy(weights))
        return self.kept

    def _compute(self, weights: torch.Tensor) -> tuple[float, np.ndarray, np.ndarray]:
        users, count = len(self.scores), len(weights)
        loss, gradient, curvature = 0.0, torch.zeros_like(weights), weights.new_zeros(count, count)
        for some in self.parts:
            ranked, own = self.ranked[:, some], self.features[:, :, some]
            said = sum(weight * each for weight, each in zip(weights, own, strict=True))
            played = self.scores.index_copy(1, some, said.masked_fill(~ranked, -torch.inf)).log_softmax(1)
            loss -= float((self.expected * played.masked_fill(~self.ranked, 0)).sum())
            share = played[:, some].exp()
            moved, weighted = share - self.expected[:, some], [each * share for each in own]
            means = torch.stack([each.sum(1) for each in weighted])
            gradient += torch.stack([(each * moved).sum() for each in own])
            products = [[(a * b).sum() for b in own] for a in weighted]
            curvature += torch.stack([torch.stack(row) for row in products]) - means @ means.T
        scale = users * PARTS
        return loss / scale, (gradient / scale).numpy(), (curvature / scale).numpy()
