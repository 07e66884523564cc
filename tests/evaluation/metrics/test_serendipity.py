"""Serendipity by hand; `tests/evaluation/test_rectools.py` has the values of RecTools."""

import numpy as np

from fusionrec.evaluation.metrics import serendipity

POPULARITY = np.array([5, 2, 2, 0])


def values(items: list[int], hits: list[bool], ks: list[int]) -> list[float]:
    return serendipity.serendipity(np.array([items]), np.array([hits]), POPULARITY, ks)[0].tolist()


def test_a_popular_hit_is_not_serendipitous() -> None:
    assert values([0, 1], [True, False], [1, 2]) == [0, 0]


def test_equally_popular_items_have_the_same_rank() -> None:
    assert values([1], [True], [1]) == values([2], [True], [1]) == [1 - 3 / 4]


def test_an_item_without_train_interactions_is_never_obvious() -> None:
    assert values([3, 0], [True, True], [1, 2]) == [1, 0.5]


def test_an_item_with_one_train_user_is_a_little_obvious() -> None:
    once = serendipity.serendipity(np.array([[1]]), np.array([[True]]), np.array([5, 1, 0, 0]), [1])
    assert once.tolist() == [[1 - 3 / 4]]


def test_only_hits_count_and_empty_lists_are_undefined() -> None:
    assert values([3], [False], [1]) == [0]
    assert np.isnan(values([-1, -1], [False, False], [1, 2])).all()
