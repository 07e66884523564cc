"""Pooling by hand, and against PyTorch."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.encoders.pooling import masked_mean, segments, sequence, unit


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


def test_segments_by_hand() -> None:
    states = torch.tensor(
        [[[2.0, 1.0], [4.0, 3.0], [9.0, 5.0], [99.0, 99.0]], [[5.0, 7.0]] + 3 * [[99.0, 99.0]]]
    )
    mask = torch.tensor([[1, 1, 1, 0], [1, 0, 0, 0]])
    assert segments(states, mask, 1).tolist() == [[[5, 3]], [[5, 7]]]
    assert segments(states, mask, 2).tolist() == [[[3, 2], [6.5, 4]], [[5, 7], [5, 7]]], (
        "both have the middle"
    )
    assert segments(states, mask, 3).tolist() == [[[2, 1], [4, 3], [9, 5]], 3 * [[5, 7]]]
    assert segments(states, mask, 6)[0].tolist() == [[2, 1], [2, 1], [4, 3], [4, 3], [9, 5], [9, 5]]
    assert segments(states, mask, 0).shape == (2, 0, 2)


@given(st.integers(1, 9), st.integers(0, 4), st.integers(1, 12))
def test_segments_are_those_of_adaptive_average_pooling(length: int, padding: int, count: int) -> None:
    states = torch.rand(2, length + padding, 3, generator=torch.Generator().manual_seed(length))
    mask = (torch.arange(length + padding) < length).long().expand(2, -1)
    wanted = torch.nn.functional.adaptive_avg_pool1d(states[:, :length].transpose(1, 2), count).transpose(
        1, 2
    )
    torch.testing.assert_close(segments(states, mask, count), wanted)


def test_a_map_is_read_row_by_row() -> None:
    assert sequence(torch.arange(12.0).reshape(1, 2, 2, 3))[0, :, 0].tolist() == [0, 1, 2, 3, 4, 5]
    assert sequence(torch.ones(1, 4, 2)).shape == (1, 4, 2)
