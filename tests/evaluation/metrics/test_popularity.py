"""Novelty, popularity and long tail by hand."""

import numpy as np
import pytest

from fusionrec.evaluation.metrics import popularity


def test_novelty_by_hand_with_a_cold_item_and_a_short_list() -> None:
    chosen = np.array([8, 2, 0])
    found = popularity.novelty(np.array([[0, 1], [2, -1]]), chosen, 8, [1, 2])
    # -log2(8/8), -log2(2/8); a cold item counts as if it had one user
    assert found.tolist() == [[0, (0 + 2) / 2], [3, 3]]


def test_tail_share_by_hand() -> None:
    tail = np.array([False, True, True, False])
    assert popularity.tail_share(np.array([[0, 1, 2]]), tail, [1, 2, 3])[0] == pytest.approx(
        [0, 1 / 2, 2 / 3]
    )


def test_empty_lists_are_undefined_not_zero() -> None:
    empty = np.array([[-1, -1]])
    assert np.isnan(popularity.novelty(empty, np.array([1]), 1, [1, 2])).all()
    assert np.isnan(popularity.average_popularity(empty, np.array([1]), [2])).all()
    assert np.isnan(popularity.tail_share(empty, np.array([True]), [2])).all()
