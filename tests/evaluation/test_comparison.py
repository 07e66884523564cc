"""Comparison of two sides, with one run or several."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fusionrec.evaluation import comparison

METRICS = ["ndcg@10", "recall@10"]


def table(values: np.ndarray, first: int = 0) -> pd.DataFrame:
    names = [f"u{first + user}" for user in range(len(values))]
    return pd.DataFrame({"user_id": names, "ndcg@10": values, "recall@10": values.round()})


@pytest.fixture
def runs() -> tuple[pd.DataFrame, pd.DataFrame]:
    rng = np.random.default_rng(0)
    a = rng.random(80)
    return table(a), table(a + 0.1 + 0.05 * rng.standard_normal(80))


def test_by_user_whatever_their_order(runs: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    a, b = runs
    found = comparison.compare([a], [b], METRICS)
    row = found.table.iloc[0]
    difference = b["ndcg@10"] - a["ndcg@10"]
    assert row["difference"] == pytest.approx(difference.mean()) and row["low"] < 0.1 < row["high"]
    other = comparison.compare([a], [b.sample(frac=1, random_state=1)], METRICS)
    pd.testing.assert_frame_equal(found.table, other.table)


def test_p_values_are_those_of_scipy_times_the_metrics() -> None:
    a, b = (table(np.random.default_rng(seed).random(400)) for seed in (1, 2))
    found = comparison.compare([a], [b], METRICS).table
    for row in found.itertuples():
        single = stats.ttest_rel(b[row.metric], a[row.metric])
        ends = single.confidence_interval(0.975)
        assert row.p == pytest.approx(min(2 * single.pvalue, 1))
        assert (row.low, row.high) == pytest.approx((ends.low, ends.high))


def test_the_same_runs_have_no_difference(runs: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    a, _ = runs
    found = comparison.compare([a], [a.iloc[::-1]], METRICS)
    assert comparison.same(found)
    assert comparison.markdown(found, "A", "B") == "No difference between A and B: 80 users, 2 metrics.\n"


def test_users_of_one_side_alone_are_counted_and_left_out() -> None:
    a, b = table(np.ones(10)), table(np.ones(10), first=4)
    found = comparison.compare([a], [b], ["ndcg@10"])
    assert (found.common, found.only_a, found.only_b) == (6, 4, 4) and not comparison.same(found)
    assert "6 users in both (4 only in A, 4 only in B: left out)" in comparison.markdown(found, "A", "B")
    several = comparison.compare([a, table(np.ones(8))], [b], ["ndcg@10"])
    assert (several.common, several.only_a, several.only_b) == (4, 6, 6), "u4 to u7 are in all runs"


def test_users_for_whom_a_metric_is_undefined_are_left_out() -> None:
    a, b = table(np.array([0.1, np.nan, 0.3])), table(np.array([0.2, 0.9, np.nan]))
    row = comparison.compare([a], [b], ["ndcg@10"]).table.iloc[0]
    assert (row["users"], row["a"], row["b"]) == (1, 0.1, 0.2)
    nobody = comparison.compare([a], [table(np.full(3, np.nan))], ["ndcg@10"]).table.iloc[0]
    assert nobody["users"] == 0 and np.isnan(nobody["difference"])


def test_one_run_a_side_is_about_the_trained_models(runs: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    a, b = runs
    found = comparison.compare([a], [b], ["ndcg@10"])
    text = comparison.markdown(found, "A", "B").splitlines()
    assert text[0].endswith("| p | models differ |")
    assert text[0].count("|") == text[1].count("|") == text[2].count("|") == 8
    assert text[2].endswith("| < 0.0001 | yes |")
    assert "covers users, not seeds" in text[-1] and "correction" not in text[-1]
    assert not comparison.compare([a, b], [b], ["ndcg@10"]).seeds, "one side has one seed"


def test_several_runs_a_side_are_about_the_recipes() -> None:
    """Both recipes have runs that differ by far, so the mean of the recipes may be the same."""
    rng = np.random.default_rng(2)
    taste = rng.random(80)
    a = [table(taste + shift + 0.05 * rng.standard_normal(80)) for shift in (0, 0.2)]
    b = [table(taste + shift + 0.05 * rng.standard_normal(80)) for shift in (0.1, 0.3)]
    alone = comparison.compare(a[:1], b[:1], ["ndcg@10"])
    assert comparison.answers(alone) == ["yes"]
    found = comparison.compare(a, b, ["ndcg@10"])
    assert found.seeds and comparison.answers(found) == ["no"]
    row = found.table.iloc[0]
    assert row["se_seeds"] == pytest.approx(np.sqrt(2 * 0.1**2), rel=0.2) and row["se_users"] < 0.01
    text = comparison.markdown(found, "A", "B").splitlines()
    assert text[0].endswith("| error: users | error: seeds | p | beyond chance |")
    assert "covers users and seeds" in text[-1]


def test_chance_is_called_chance() -> None:
    rng = np.random.default_rng(1)
    found = comparison.compare([table(rng.random(100))], [table(rng.random(100))], ["ndcg@10"])
    assert comparison.markdown(found, "A", "B").splitlines()[2].endswith("| no |")


def test_too_few_users_that_differ() -> None:
    a = np.zeros(100)
    b = np.where(np.arange(100) < 5, 1, a)
    found = comparison.compare([table(a)], [table(b)], METRICS)
    assert comparison.answers(found) == ["too few hits"] * 2 and not comparison.same(found)
    row = comparison.markdown(found, "A", "B").splitlines()[2]
    assert row == "| ndcg@10 | 0.0000 | 0.0500 | +0.0500 | – | – | too few hits |"
