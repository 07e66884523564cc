"""Coverage, evenness and personalisation by hand and against loops."""

import itertools

import numpy as np
import pytest

from fusionrec.evaluation.metrics import catalogue


def test_coverage_counts_distinct_items_once() -> None:
    assert catalogue.coverage(np.array([[0, 1], [1, 2]]), 6) == 3 / 6


def test_gini_of_even_and_of_one_sided_exposure() -> None:
    assert catalogue.gini(np.array([[0, 1], [2, 3]]), 4) == 0
    assert catalogue.gini(np.array([[0], [0]]), 4) == pytest.approx(3 / 4)


def test_gini_is_the_mean_difference_of_all_pairs() -> None:
    rng = np.random.default_rng(0)
    lists = rng.integers(0, 12, (30, 4))
    shown = np.bincount(lists.ravel(), minlength=15)
    expected = np.abs(shown[:, None] - shown).mean() / (2 * shown.mean())
    assert catalogue.gini(lists, 15) == pytest.approx(expected)


def test_personalisation_is_the_mean_over_all_pairs_of_users() -> None:
    rng = np.random.default_rng(0)
    lists = np.stack([rng.permutation(15)[:4] for _ in range(9)])
    overlap = [len({*a} & {*b}) / 4 for a, b in itertools.combinations(lists.tolist(), 2)]
    assert catalogue.personalisation(lists, 15) == pytest.approx(1 - np.mean(overlap))


def test_personalisation_at_its_ends() -> None:
    assert catalogue.personalisation(np.array([[0, 1], [1, 0]]), 4) == 0
    assert catalogue.personalisation(np.array([[0, 1], [2, 3]]), 4) == 1
    assert catalogue.personalisation(np.array([[0, 1]]), 4) == 1, "nobody to share with"


def test_nothing_recommended() -> None:
    empty = np.full((2, 3), -1)
    assert (catalogue.coverage(empty, 4), catalogue.gini(empty, 4)) == (0, 0)
