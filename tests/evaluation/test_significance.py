import numpy as np
import pytest

from fusionrec.evaluation.significance import bootstrap


def test_matches_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(1, 2, 4000)
    interval = bootstrap(values, np.random.default_rng(1))
    half = 1.96 * values.std() / np.sqrt(len(values))
    assert interval.mean == values.mean()
    assert interval.low == pytest.approx(values.mean() - half, abs=0.01)
    assert interval.high == pytest.approx(values.mean() + half, abs=0.01)


def test_no_difference_has_no_width() -> None:
    assert bootstrap(np.zeros(10), np.random.default_rng(0)) == (0, 0, 0)
