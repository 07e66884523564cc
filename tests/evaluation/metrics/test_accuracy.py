"""Metrics by hand; test_agreement.py compares them with independent implementations."""

import numpy as np
import pytest

from fusionrec.evaluation.metrics import accuracy

K = 10


def test_by_hand() -> None:
    hits = np.array([[False, True, True, False, False]])
    relevant = np.array([4])
    at5 = {name: float(metric(hits, relevant, 5)[0]) for name, metric in accuracy.METRICS.items()}
    gain = 1 / np.log2(3) + 1 / np.log2(4)
    ideal = 1 + 1 / np.log2(3) + 1 / np.log2(4) + 1 / np.log2(5)
    assert at5 == pytest.approx(
        {"precision": 2 / 5, "recall": 2 / 4, "f1": 4 / 9, "hit_rate": 1, "mrr": 1 / 2,
         "map": (1 / 2 + 2 / 3) / 4, "ndcg": gain / ideal}
    )  # fmt: skip


def test_an_oracle_scores_one_and_a_miss_zero() -> None:
    for n in (1, 3, 10, 25):
        hits = np.arange(20)[None] < n
        for name, metric in accuracy.METRICS.items():
            if name in {"hit_rate", "mrr", "map", "ndcg"}:
                assert metric(hits, np.array([n]), K)[0] == pytest.approx(1), name
            assert metric(np.zeros((1, 20), bool), np.array([n]), K)[0] == 0, name


def test_each_user_is_measured_alone() -> None:
    hits = np.random.default_rng(0).random((9, 12)) < 0.3
    relevant = hits.sum(1) + 1
    for name, metric in accuracy.METRICS.items():
        together = metric(hits, relevant, K)
        assert together.dtype == np.float64 and len(set(together)) > 1, name
        alone = [metric(hits[[user]], relevant[[user]], K)[0] for user in range(len(hits))]
        assert together.tolist() == alone, name
