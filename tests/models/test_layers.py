import torch

from fusionrec.models.layers import drop, drop_rows


def test_without_a_generator_nothing_is_dropped() -> None:
    x = torch.ones(3, 2)
    assert drop(x, 0.9, None) is x and drop_rows(x, 0.9, None) is x


def test_drop_keeps_the_mean_and_the_share() -> None:
    x = drop(torch.ones(100, 1000), 0.25, torch.Generator().manual_seed(0))
    assert set(x.unique().tolist()) == {0.0, torch.tensor(1 / 0.75).item()}
    assert abs((x == 0).float().mean().item() - 0.25) < 0.01


def test_drop_rows_takes_whole_rows_and_does_not_rescale() -> None:
    x = drop_rows(torch.ones(10_000, 3), 0.25, torch.Generator().manual_seed(0))
    assert ((x == 0).all(1) | (x == 1).all(1)).all()
    assert abs((x[:, 0] == 0).float().mean().item() - 0.25) < 0.02
