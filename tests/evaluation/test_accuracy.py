"""Metrics by hand, and against independent implementations."""

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionrec.data.histories import Histories
from fusionrec.evaluation import accuracy, ranking

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


@st.composite
def rankings(draw: st.DrawFn) -> tuple[np.ndarray, list[list[int]]]:
    """Lists of 15 of 40 items for some users, and what is relevant for each."""
    seed, users = draw(st.integers(0, 2**31)), draw(st.integers(1, 12))
    rng = np.random.default_rng(seed)
    lists = np.stack([rng.permutation(40)[:15] for _ in range(users)])
    relevant = [sorted(rng.permutation(40)[: rng.integers(1, 20)].tolist()) for _ in range(users)]
    return lists, relevant


def table(lists: np.ndarray, relevant: list[list[int]]) -> dict[str, np.ndarray]:
    offsets = np.concatenate([[0], np.cumsum([len(r) for r in relevant])])
    held_out = Histories(offsets, np.array([item for r in relevant for item in r]))
    found = ranking.hits(lists, np.arange(len(lists)), held_out, 40)
    return accuracy.table(found, held_out.counts, [5, K])


@settings(max_examples=30, deadline=None)
@given(rankings())
def test_agrees_with_pytrec_eval(case: tuple[np.ndarray, list[list[int]]]) -> None:
    lists, relevant = case
    ours = table(lists, relevant)
    truth = {f"u{u}": {f"d{i}": 1 for i in items} for u, items in enumerate(relevant)}
    run = {f"u{u}": {f"d{i}": float(100 - rank) for rank, i in enumerate(row)} for u, row in enumerate(lists)}
    names = {"P": "precision", "recall": "recall", "ndcg_cut": "ndcg"}
    theirs = pytrec_eval.RelevanceEvaluator(truth, {f"{name}.5,10" for name in names}).evaluate(run)
    for name, our_name in names.items():
        for k in (5, K):
            expected = [theirs[f"u{u}"][f"{name}_{k}"] for u in range(len(lists))]
            np.testing.assert_allclose(ours[f"{our_name}@{k}"], expected, atol=1e-9)


def test_agrees_with_ranx() -> None:
    from ranx import Qrels, Run, evaluate

    rng = np.random.default_rng(0)
    lists = np.stack([rng.permutation(40)[:15] for _ in range(200)])
    relevant = [sorted(rng.permutation(40)[: rng.integers(1, 20)].tolist()) for _ in range(200)]
    ours = table(lists, relevant)
    qrels = Qrels({f"u{u:03}": {f"d{i}": 1 for i in items} for u, items in enumerate(relevant)})
    run = Run({f"u{u:03}": {f"d{i}": 100.0 - r for r, i in enumerate(row)} for u, row in enumerate(lists)})
    names = {
        "precision": "precision",
        "recall": "recall",
        "ndcg": "ndcg",
        "hit_rate": "hit_rate",
        "mrr": "mrr",
    }
    for k in (5, K):
        theirs = evaluate(qrels, run, [f"{name}@{k}" for name in names])
        for name, our_name in names.items():
            assert ours[f"{our_name}@{k}"].mean() == pytest.approx(theirs[f"{name}@{k}"], abs=1e-9), name
    # ranx divides by all relevant items, we by those that fit into the list
    few = np.array([len(items) <= K for items in relevant])
    run_few = Run({u: run.run[u] for u, keep in zip(sorted(run.run), few, strict=True) if keep})
    qrels_few = Qrels({u: qrels.qrels[u] for u, keep in zip(sorted(qrels.qrels), few, strict=True) if keep})
    assert ours[f"map@{K}"][few].mean() == pytest.approx(evaluate(qrels_few, run_few, f"map@{K}"), abs=1e-9)
