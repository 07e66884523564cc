"""Ragged histories by hand."""

import numpy as np
import pandas as pd

from fusionrec.data.histories import Histories

TABLE = pd.DataFrame(
    {"user": [2, 0, 2, 0, 2], "item": [7, 4, 5, 3, 6], "timestamp": [10, 2, 10, 1, 5]},
)


def test_oldest_first_and_users_without_items() -> None:
    histories = Histories.of(TABLE, 4)
    assert [list(histories[user]) for user in range(4)] == [[3, 4], [], [6, 5, 7], []]
    assert list(histories.counts) == [2, 0, 3, 0] and len(histories) == 4


def test_pairs_of_some_users() -> None:
    position, item = Histories.of(TABLE, 4).pairs(np.array([2, 1, 0]))
    assert list(zip(position, item, strict=True)) == [(0, 6), (0, 5), (0, 7), (2, 3), (2, 4)]


def test_latest_is_newest_first_and_padded() -> None:
    latest = Histories.of(TABLE, 4).latest(np.array([0, 1, 2]), 2)
    assert latest.tolist() == [[4, 3], [-1, -1], [7, 5]]


def test_a_single_interaction() -> None:
    one = Histories.of(pd.DataFrame({"user": [1], "item": [4], "timestamp": [0]}), 2)
    assert one.latest(np.array([0, 1]), 2).tolist() == [[-1, -1], [4, -1]]


def test_no_interactions_at_all() -> None:
    empty = Histories.of(TABLE.iloc[:0], 2)
    assert empty.latest(np.array([0, 1]), 3).tolist() == [[-1] * 3] * 2
    assert len(empty.pairs(np.array([0, 1]))[0]) == 0
