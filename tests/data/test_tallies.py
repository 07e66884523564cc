"""Counts of codes, whatever the pieces."""

import numpy as np
import pytest

from fusionrec.data import tallies


@pytest.mark.parametrize("piece", [1, 3, 100])
def test_equal_to_one_count_of_all(monkeypatch: pytest.MonkeyPatch, piece: int) -> None:
    monkeypatch.setattr(tallies, "PIECE", piece)
    codes, counted = np.array([3, 0, 3, 1], np.int32), np.array([True, False, True, True])
    assert tallies.tally(codes, 5).tolist() == [1, 1, 0, 2, 0]
    assert tallies.tally(codes, 5, counted).tolist() == [0, 1, 0, 2, 0]
    assert tallies.tally(codes[:0], 2).tolist() == [0, 0]
