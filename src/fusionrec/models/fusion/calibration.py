"""One scale for the scores of items with and without train interactions.

A model knows well how it scores items that it was trained on, and nothing of how it would score new ones. So train
items play new ones: in turn, a part of them gets scores a + b s instead of their own, where s is predicted of them
from contents alone. a and b make the distribution of a user's next choice over all items, the softmax of the scores,
as close as possible to the one with the items' own scores: they minimise the cross-entropy of the two, a convex
function. So new items together get the share of choices that such items have.
"""

import torch

PARTS = 5  # of the train items; one after the other plays new items
ROUNDS = 50  # of Newton's method; it takes about ten
DIGITS = 6  # of the weights that are kept, so that they do not depend on the last bits of sums
SHARES = 0.3, 0.0, 0.15, 0.5, 0.7, 1.0  # of the tower in the sum
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
    order = torch.randperm(scores.shape[1], generator=torch.Generator().manual_seed(0))
    expected, ranked = scores.softmax(1), scores.isfinite()
    found = torch.zeros(len(features), dtype=torch.float64)
    identity = torch.eye(len(features), dtype=torch.float64)
    for _ in range(ROUNDS):
        gradient, curvature = torch.zeros_like(found), identity * 1e-9 * scores.numel()
        for part in range(PARTS):
            some = order[part::PARTS]
            own = features[:, :, some] * ranked[:, some]
            said = torch.einsum("f,fui->ui", found, own).masked_fill(~ranked[:, some], -torch.inf)
            share = scores.index_copy(1, some, said).softmax(1)[:, some]
            gradient += torch.einsum("fui,ui->f", own, share - expected[:, some])
            means = torch.einsum("fui,ui->fu", own, share)
            curvature = curvature + torch.einsum("fui,gui,ui->fg", own, own, share) - means @ means.T
        step = torch.linalg.solve(curvature, gradient).clamp(-3, 3)
        found = found - step
        if step.abs().max() < 1e-9:
            break
    values: list[float] = found.tolist()
    return values
