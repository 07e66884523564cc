"""The scale of new items' scores: it is found again, and it is the optimum."""

import pytest
import torch

from fusionrec.models.fusion import calibration
from fusionrec.models.fusion.calibration import Scale

USERS, ITEMS = 30, 25
DRAW = torch.Generator().manual_seed(0)
PREDICTED = torch.randn(USERS, ITEMS, generator=DRAW, dtype=torch.float64)
OTHER = torch.randn(USERS, ITEMS, generator=DRAW, dtype=torch.float64)
CHOSEN = torch.rand(USERS, ITEMS, generator=DRAW) < 0.2


def masked(scores: torch.Tensor) -> torch.Tensor:
    return scores.masked_fill(CHOSEN, -torch.inf)


def test_a_linear_scale_is_found_again() -> None:
    features = torch.stack([torch.ones_like(PREDICTED), PREDICTED])
    assert calibration.fitted(masked(0.7 + 2.5 * PREDICTED), features) == pytest.approx([0.7, 2.5])


def test_a_constant_that_all_scores_share_is_found_again() -> None:
    features = torch.stack([torch.ones_like(PREDICTED), PREDICTED])
    assert calibration.fitted(masked(5 + PREDICTED), features) == pytest.approx([5, 1])


def test_no_other_weights_are_better() -> None:
    own = masked(PREDICTED + OTHER)
    features = torch.stack([torch.ones_like(PREDICTED), PREDICTED])

    def cross_entropy(weights: list[float]) -> float:
        order = torch.randperm(ITEMS, generator=torch.Generator().manual_seed(0))
        total, said = 0.0, masked(weights[0] + weights[1] * PREDICTED)
        for part in range(calibration.PARTS):
            played = own.clone()
            played[:, order[part :: calibration.PARTS]] = said[:, order[part :: calibration.PARTS]]
            total -= float((own.softmax(1) * played.log_softmax(1).masked_fill(CHOSEN, 0)).sum())
        return total

    best = calibration.fitted(own, features)
    least = cross_entropy(best)
    for change in ([0.01, 0], [-0.01, 0], [0, 0.01], [0, -0.01]):
        assert cross_entropy([best[0] + change[0], best[1] + change[1]]) > least


def test_shares_are_of_standard_deviations() -> None:
    scale = Scale(masked(PREDICTED + OTHER), 10 * PREDICTED, 0.1 * OTHER)
    _, tower, regression = scale.weights(0.5).tolist()
    spread = [float((x - x.mean(1, keepdim=True)).std()) for x in (10 * PREDICTED, 0.1 * OTHER)]
    assert tower * spread[0] == pytest.approx(regression * spread[1], rel=1e-4)
    assert scale.weights(1.0)[2] == 0 and scale.weights(0.0)[1] == 0


def test_weights_do_not_depend_on_last_bits() -> None:
    scale = Scale(masked(PREDICTED + OTHER), PREDICTED, OTHER)
    other = Scale(scale.own + 1e-13, scale.tower * (1 + 1e-14), scale.regression)
    assert scale.weights(0.3).equal(other.weights(0.3))
