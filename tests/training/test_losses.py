"""Losses equal their formulas."""

import math

import pytest
import torch

from fusionrec.training.losses import bpr_loss, softmax_loss


def test_softmax_by_hand() -> None:
    logits = torch.tensor([[0.0, math.log(2), -math.inf], [0.0, 0.0, 0.0]])
    targets = torch.tensor([[1, 0], [2, -1]])
    expected = (-math.log(2 / 3) - math.log(1 / 3) - math.log(1 / 3)) / 3
    assert softmax_loss(logits, targets).item() == pytest.approx(expected)


def test_bpr_by_hand() -> None:
    loss = bpr_loss(torch.tensor([1.0, 0.0]), torch.tensor([[0.0, 1.0], [0.0, 0.0]]))
    sigmoid = [1 / (1 + math.exp(-x)) for x in (1, 0, 0, 0)]
    assert loss.item() == pytest.approx(-sum(map(math.log, sigmoid)) / 4)
