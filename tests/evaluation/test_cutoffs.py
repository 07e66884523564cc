"""Means over the first ranks, at all cut-offs."""

import numpy as np

from fusionrec.evaluation import cutoffs

LISTED = np.array([[True, True, False], [False, False, False]])


def test_ranks_without_an_item_do_not_count() -> None:
    values = cutoffs.means(np.array([[2.0, 4.0, 99.0], [1.0, 1.0, 1.0]]), LISTED, [1, 2, 3])
    np.testing.assert_array_equal(values, [[2, 3, 3], [np.nan] * 3])


def test_cut_offs_beyond_the_list() -> None:
    values = cutoffs.means(np.array([[2.0, 4.0]]), np.array([[True, True]]), [1, 2, 50])
    assert values.tolist() == [[2, 3, 3]]
