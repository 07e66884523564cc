"""Metrics, intervals and slices per recommender, on a hand-made task."""

from collections.abc import Collection

import numpy as np
import pytest

from fusionrec.evaluation import protocol as tasks
from fusionrec.evaluation import report, slices
from fusionrec.models.fixed_scores import FixedScores

from .tiny import FAMILIES, OPTIONS, SCORES, tiny

PERFECT = np.array([[0, 9, 0, 0], [0, 0, 0, 9], [0, 0, 0, 0]], np.float32)


def lists(scores: np.ndarray) -> np.ndarray:
    return tasks.rank(FixedScores(scores), tiny(), 2).items


def full(unable: Collection[str] = (), **scores: np.ndarray) -> report.Report:
    ranked = {name: lists(each) for name, each in scores.items()}
    return report.full(
        ranked, tiny(), slices.standard(tiny()), OPTIONS.ks, FAMILIES, OPTIONS.headline, unable
    )


def test_all_families_at_all_cut_offs() -> None:
    vectors = np.array([[1, 0], [0, 1], [1, 0], [0, 1]], np.float32)
    found = report.evaluate(lists(SCORES), tiny()._replace(vectors=vectors), OPTIONS.ks, FAMILIES).summary
    names = {name.partition("@")[0] for name in found}
    assert names == {
        "precision", "recall", "f1", "hit_rate", "mrr", "map", "ndcg", "novelty", "average_popularity", "tail_share",
        "serendipity", "diversity", "ndcg_cold", "coverage", "gini", "personalisation",
    }  # fmt: skip
    assert "diversity@1" not in found, "one item is no pair"
    assert {f"{name}@2" for name in names} <= found.keys()


def test_coverage_is_that_of_all_lists_together() -> None:
    """User 0 gets items 1 and 2, user 1 gets 3 alone, since it had the rest."""
    found = report.evaluate(lists(SCORES), tiny(), OPTIONS.ks, FAMILIES).summary
    assert lists(SCORES).tolist() == [[1, 2], [3, -1]]
    assert found["coverage@1"] == 2 / 4 and found["coverage@2"] == 3 / 4
    assert found["tail_share@2"] == 1 / 4, "item 1 of the two of user 0, none of user 1"
    assert found["average_popularity@2"] == 1 / 4


def test_without_content_there_is_no_diversity_to_report() -> None:
    assert not any(
        name.startswith("diversity") for name in report.evaluate(lists(SCORES), tiny(), [2], FAMILIES).summary
    )


def test_shares_of_the_best_and_counts() -> None:
    found = full(model=SCORES[[1, 1, 2]], popularity=SCORES, oracle=PERFECT).summary
    assert found["users"] == {
        "evaluated": 2, "without_test": 1, "without_candidates": 0, "cold": 1, "tied": 0,
    }  # fmt: skip
    assert found["oracle"]["ndcg@1"] == 1 and "share_of_best@1" not in found["oracle"]
    assert found["model"]["share_of_best@2"] == found["model"]["ndcg@2"]
    assert found["model"]["share_of_best_cold@1"] == found["model"]["ndcg_cold@1"] == 1


def test_without_an_oracle_nobody_knows_the_best() -> None:
    assert not any(name.startswith("share") for name in full(model=SCORES).summary["model"])


def test_intervals_have_the_means_and_leads_are_paired() -> None:
    found = full(model=SCORES, twin=SCORES)
    assert found.intervals["model - twin"]["ndcg@1"] == {"mean": 0, "low": None, "high": None}
    for metric, ends in found.intervals["model"].items():
        assert ends == {"mean": found.summary["model"][metric], "low": None, "high": None}, "too few users"
    assert not {"coverage@1", "gini@1"} & found.intervals["model"].keys(), "these are no means over users"


def test_who_cannot_rank_new_items_has_no_metrics_of_them() -> None:
    found = full(unable=["ids"], model=SCORES, ids=SCORES, oracle=PERFECT)
    assert found.summary["model"]["ndcg_cold@1"] is not None
    assert (
        found.summary["ids"]["ndcg_cold@1"] is None and found.summary["ids"]["share_of_best_cold@1"] is None
    )
    assert found.summary["ids"]["ndcg@1"] == found.summary["model"]["ndcg@1"], "what it misses still counts"
    assert found.slices["ids"]["item"]["cold"] == {"users": 0, "ndcg@1": None, "ndcg@2": None}
    assert found.slices["ids"]["item"]["warm"] == found.slices["model"]["item"]["warm"]


def test_slices_count_their_users() -> None:
    missed = np.array([[0, 0, 9, 0], [0, 0, 0, 9], [0, 0, 0, 0]], np.float32)
    found = full(model=missed).slices["model"]
    assert found["item"]["warm"]["users"] == found["item"]["cold"]["users"] == 1
    assert found["item"]["warm"]["ndcg@1"]["mean"] == 0 and found["item"]["cold"]["ndcg@1"]["mean"] == 1
    assert found["user"]["cold"] == {"users": 0}


def test_per_user_table_has_a_row_a_user_and_recommender() -> None:
    found = full(model=SCORES, popularity=PERFECT)
    table = report.per_user(found.results, ["u0", "u1"])
    assert table[["recommender", "user_id"]].to_numpy().tolist() == [
        ["model", "u0"], ["model", "u1"], ["popularity", "u0"], ["popularity", "u1"],
    ]  # fmt: skip
    assert table.groupby("recommender")["ndcg@2"].mean()["popularity"] == pytest.approx(1)
