"""Comparison of two runs."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from fusionrec.evaluation import comparison


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
    found = comparison.compare(a, b, ["ndcg@10", "recall@10"], 0)
    row = found.table.iloc[0]
    difference = b["ndcg@10"] - a["ndcg@10"]
    assert row["difference"] == pytest.approx(difference.mean()) and row["low"] < 0.1 < row["high"]
    pd.testing.assert_frame_equal(
        found.table,
        comparison.compare(a, b.sample(frac=1, random_state=1), ["ndcg@10", "recall@10"], 0).table,
    )


def test_p_values_are_those_of_scipy_after_holm(runs: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    a, b = runs
    found = comparison.compare(a, b, ["recall@10", "ndcg@10"], 0).table
    raw = [stats.ttest_rel(b[m], a[m]).pvalue for m in found["metric"]]
    smaller = int(np.argmin(raw))
    assert found["t"][smaller] == pytest.approx(2 * raw[smaller])
    assert found["t"][1 - smaller] == pytest.approx(max(raw[1 - smaller], 2 * raw[smaller]))


def test_the_same_runs_have_no_difference(runs: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    a, _ = runs
    found = comparison.compare(a, a.iloc[::-1], ["ndcg@10", "recall@10"], 0)
    assert comparison.same(found)
    assert comparison.markdown(found, "A", "B") == "No difference between A and B: 80 users, 2 metrics.\n"


def test_users_of_one_run_alone_are_counted_and_left_out() -> None:
    a, b = table(np.ones(10)), table(np.ones(10), first=4)
    found = comparison.compare(a, b, ["ndcg@10"], 0)
    assert (found.common, found.only_a, found.only_b) == (6, 4, 4) and not comparison.same(found)
    assert "6 users in both (4 only in A, 4 only in B: left out)" in comparison.markdown(found, "A", "B")


def test_users_for_whom_a_metric_is_undefined_are_left_out() -> None:
    a, b = table(np.array([0.1, np.nan, 0.3])), table(np.array([0.2, 0.9, np.nan]))
    row = comparison.compare(a, b, ["ndcg@10"], 0).table.iloc[0]
    assert (row["users"], row["a"], row["b"]) == (1, 0.1, 0.2)


def test_markdown_says_what_is_beyond_chance(runs: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    text = comparison.markdown(comparison.compare(*runs, ["ndcg@10"], 0), "A", "B").splitlines()
    assert text[0].count("|") == text[1].count("|") == text[2].count("|") == 9
    assert text[2].endswith("| < 0.0001 | < 0.0001 | yes |")


def test_chance_is_called_chance() -> None:
    rng = np.random.default_rng(1)
    found = comparison.compare(table(rng.random(50)), table(rng.random(50)), ["ndcg@10"], 0)
    assert comparison.markdown(found, "A", "B").splitlines()[2].endswith("| no |")
