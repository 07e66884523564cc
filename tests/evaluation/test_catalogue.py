import numpy as np
import pytest

from fusionrec.evaluation import catalogue


def test_coverage_counts_distinct_items_once() -> None:
    assert catalogue.coverage(np.array([[0, 1], [1, 2]]), 6) == 3 / 6


def test_novelty_by_hand_with_a_cold_item_and_a_short_list() -> None:
    popularity = np.array([8, 2, 0])
    per_user = [(0 + 2) / 2, 3]  # -log2(8/8), -log2(2/8); a cold item counts as chosen once
    assert catalogue.novelty(np.array([[0, 1], [2, -1]]), popularity, 8) == pytest.approx(np.mean(per_user))


def test_gini_of_even_and_of_one_sided_exposure() -> None:
    assert catalogue.gini(np.array([[0, 1], [2, 3]]), 4) == 0
    assert catalogue.gini(np.array([[0], [0]]), 4) == pytest.approx(3 / 4)


def test_nothing_recommended() -> None:
    empty = np.full((2, 3), -1)
    assert (catalogue.coverage(empty, 4), catalogue.gini(empty, 4)) == (0, 0)
    assert catalogue.novelty(empty, np.ones(4, int), 3) == 0
