"""The few metrics that are compared first, on a hand-made task."""

import numpy as np

from fusionrec.evaluation import key_metrics, report

from .test_report import PERFECT, full
from .tiny import SCORES

ALL = ["random", "popularity", "ease"]
BAD = np.array([[0, 0, 9, 0], [0, 0, 0, 9], [0, 0, 0, 0]], np.float32)


def measured(**others: np.ndarray) -> report.Report:
    return full(model=SCORES, **others)


def test_headline_then_the_main_figure_of_each_family_then_the_rival() -> None:
    found = measured(random=PERFECT, popularity=BAD, ease=PERFECT, oracle=PERFECT)
    key = key_metrics.of(found, ["ndcg@1", "recall@2"], ALL)
    own = ["ndcg@1", "recall@2", "novelty@1", "serendipity@1", "coverage@1"]
    assert list(key) == [*own, "best_rival", "users"], "no diversity: items have no content vectors"
    assert {name: key[name] for name in own} == {name: found.summary["model"][name] for name in own}
    assert key["best_rival"] == {"name": "ease", "ndcg@1": 1.0, "recall@2": 1.0}
    assert key["users"] == {"evaluated": 2}


def test_re_ranked_lists_the_oracle_and_chance_are_no_rivals() -> None:
    found = measured(model_mmr=PERFECT, random=PERFECT, oracle=PERFECT)
    assert "best_rival" not in key_metrics.of(found, ["ndcg@1"], ["random"])


def test_the_first_of_equal_rivals_is_taken() -> None:
    found = measured(popularity=PERFECT, ease=PERFECT)
    assert key_metrics.of(found, ["ndcg@1"], ["popularity", "ease"])["best_rival"]["name"] == "popularity"


def test_figures_follow_the_cut_off_of_the_first_headline_metric() -> None:
    key = key_metrics.of(measured(), ["recall@2", "ndcg@1"], [])
    assert list(key) == ["recall@2", "ndcg@1", "novelty@2", "serendipity@2", "coverage@2", "users"]


def test_a_figure_without_a_cut_off_can_be_the_main_one() -> None:
    assert key_metrics.main_figure(["auc", "auc_cold"], "10") == "auc"
    assert key_metrics.main_figure(["novelty@5"], "10") is key_metrics.main_figure([], "10") is None


def test_an_undefined_metric_is_left_out() -> None:
    found = measured(ease=PERFECT)
    for name in ("model", "ease"):
        del found.summary[name]["recall@2"]
    key = key_metrics.of(found, ["ndcg@1", "recall@2"], ["ease"])
    assert "recall@2" not in key and key["best_rival"] == {"name": "ease", "ndcg@1": 1.0}
