"""The average follows the weights as its formula says."""

import torch

from fusionrec.training.ema import follow


def test_hand_computed() -> None:
    average = {"w": torch.tensor([0.0, 8.0]), "mask": torch.tensor([True]), "count": torch.tensor(3)}
    weights = {"w": torch.tensor([1.0, 0.0]), "mask": torch.tensor([False]), "count": torch.tensor(4)}
    follow(average, weights, 0.75, steps=1000)
    torch.testing.assert_close(average["w"], torch.tensor([0.25, 6.0]))
    assert (average["mask"].item(), average["count"].item()) == (False, 4)


def test_the_start_is_soon_forgotten() -> None:
    average, weights = {"w": torch.tensor([100.0])}, {"w": torch.tensor([0.0])}
    for step in range(1, 31):
        follow(average, weights, 0.999, step)
    assert average["w"].item() < 0.01
    slow = {"w": torch.tensor([100.0])}
    for _ in range(30):
        follow(slow, weights, 0.999, 10**6)
    assert slow["w"].item() > 97
