"""Gaussian kernels, by hand."""

import math

import pytest
import torch

from fusionrec.models.kernel import gaussian, median_distance, squared_distances

POINTS = torch.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 2.0]])


def test_distances() -> None:
    expected = torch.tensor([[0.0, 25.0, 4.0], [25.0, 0.0, 13.0], [4.0, 13.0, 0.0]], dtype=torch.float64)
    torch.testing.assert_close(squared_distances(POINTS, POINTS), expected)


def test_the_median_distance_is_of_pairs() -> None:
    assert median_distance(POINTS) == pytest.approx(math.sqrt(13))
    assert median_distance(POINTS[:1]) == 0.0


def test_a_kernel_falls_with_the_distance() -> None:
    found = gaussian(POINTS[:1], POINTS, 2.0)
    expected = torch.tensor([[1.0, math.exp(-25 / 8), math.exp(-4 / 8)]], dtype=torch.float64)
    torch.testing.assert_close(found, expected)
