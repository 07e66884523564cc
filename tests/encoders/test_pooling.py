import torch

from fusionrec.encoders.pooling import masked_mean, unit


def test_mean_over_real_tokens_only() -> None:
    states = torch.tensor(
        [[[1.0, 10.0], [3.0, 20.0], [99.0, 99.0]], [[5.0, 7.0], [99.0, 99.0], [99.0, 99.0]]]
    )
    mask = torch.tensor([[1, 1, 0], [1, 0, 0]])
    assert masked_mean(states, mask).tolist() == [[2.0, 15.0], [5.0, 7.0]]


def test_no_token_at_all_gives_zeros() -> None:
    assert masked_mean(torch.ones(1, 2, 3), torch.zeros(1, 2)).tolist() == [[0.0, 0.0, 0.0]]


def test_the_mean_of_shorter_numbers_is_taken_in_single() -> None:
    states = torch.full((1, 1000, 1), 1.0078125, dtype=torch.bfloat16)
    assert masked_mean(states, torch.ones(1, 1000)).item() == 1.0078125


def test_unit_keeps_the_direction() -> None:
    torch.testing.assert_close(
        unit(torch.tensor([[3.0, 4.0], [0.0, -2.0]])), torch.tensor([[0.6, 0.8], [0.0, -1.0]])
    )


def test_unit_leaves_zeros_alone() -> None:
    assert unit(torch.zeros(1, 2)).tolist() == [[0.0, 0.0]]
