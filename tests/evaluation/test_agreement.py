"""Ranking and accuracy against independent implementations: ties, short lists, users without items."""

import warnings
from typing import NamedTuple

import numpy as np
import pytrec_eval
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import ndcg_score
from torchmetrics.functional import retrieval

from fusionrec.data.histories import Histories
from fusionrec.evaluation import catalogue_ranking
from fusionrec.evaluation.metrics import accuracy
from fusionrec.models.fixed_scores import FixedScores

ITEMS = 24
KS = [1, 3, 10, 40]  # the last one is more than there are


class Case(NamedTuple):
    """Scores with ties, what each user had before, and what is held out: maybe nothing, maybe all."""

    scores: np.ndarray
    past: list[set[int]]
    held_out: list[set[int]]

    def asked(self) -> list[int]:
        return [user for user, items in enumerate(self.held_out) if items]

    def candidates(self, user: int) -> list[int]:
        return [item for item in range(ITEMS) if item not in self.past[user]]

    def ordered(self, user: int) -> np.ndarray:
        """A number for each candidate that falls with the score and, among equals, with the item's row."""
        items = np.array(self.candidates(user), np.int64)
        return self.scores[user, items].astype(np.float64) - items / 1000


@st.composite
def cases(draw: st.DrawFn) -> Case:
    users = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**31)))
    scores = rng.integers(0, draw(st.integers(1, 6)), (users, ITEMS)).astype(np.float32)
    past, held_out = [], []
    for _ in range(users):
        order = rng.permutation(ITEMS).tolist()
        known = draw(st.sampled_from([0, 1, 10, ITEMS - 2, ITEMS]))
        wanted = draw(st.sampled_from([0, 1, 2, 12]))
        past.append(set(order[:known]))
        held_out.append(set(order[known : known + wanted]))
    return Case(scores, past, held_out)


def histories(sets: list[set[int]]) -> Histories:
    offsets = np.concatenate([[0], np.cumsum([len(items) for items in sets])])
    return Histories(offsets, np.array([item for items in sets for item in sorted(items)], np.int64))


def ours(case: Case, users: list[int]) -> dict[str, np.ndarray]:
    rows, held_out = np.array(users, np.int64), histories(case.held_out)
    lists = catalogue_ranking.top_k(FixedScores(case.scores), rows, histories(case.past), max(KS)).items
    return accuracy.table(catalogue_ranking.hits(lists, rows, held_out, ITEMS), held_out.counts[rows], KS)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_pytrec_eval(case: Case) -> None:
    users = case.asked()
    if not users:
        return
    truth = {f"u{u}": {f"d{i}": 1 for i in case.held_out[u]} for u in users}
    run = {
        f"u{u}": {f"d{i}": x for i, x in zip(case.candidates(u), case.ordered(u).tolist(), strict=True)}
        for u in users
    }
    names = {"P": "precision", "recall": "recall", "ndcg_cut": "ndcg"}
    cuts = ",".join(map(str, KS))
    theirs = pytrec_eval.RelevanceEvaluator(truth, {f"{name}.{cuts}" for name in names}).evaluate(run)
    found = ours(case, users)
    for name, our_name in names.items():
        for k in KS:
            expected = [theirs.get(f"u{u}", {}).get(f"{name}_{k}", 0.0) for u in users]
            np.testing.assert_allclose(found[f"{our_name}@{k}"], expected, atol=1e-9, rtol=0)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_torchmetrics(case: Case) -> None:
    users = [u for u in case.asked() if case.candidates(u)]
    found = ours(case, users)
    names = {
        "precision": retrieval.retrieval_precision,
        "recall": retrieval.retrieval_recall,
        "hit_rate": retrieval.retrieval_hit_rate,
        "mrr": retrieval.retrieval_reciprocal_rank,
        "ndcg": retrieval.retrieval_normalized_dcg,
    }
    for row, u in enumerate(users):
        scores = torch.from_numpy(case.ordered(u) + 1)  # it counts positive scores alone
        target = torch.tensor([item in case.held_out[u] for item in case.candidates(u)])
        for name, theirs in names.items():
            for k in KS:
                expected = float(theirs(scores, target, top_k=k).double())
                # it computes in float32
                assert abs(found[f"{name}@{k}"][row] - expected) < 1e-6, (name, k)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_scikit_learn(case: Case) -> None:
    users = [u for u in case.asked() if len(case.candidates(u)) > 1]
    found = ours(case, users)
    for row, u in enumerate(users):
        target = np.array([[float(item in case.held_out[u]) for item in case.candidates(u)]])
        for k in KS:
            expected = ndcg_score(target, case.ordered(u)[None], k=k, ignore_ties=True)
            assert abs(found[f"ndcg@{k}"][row] - expected) < 1e-9


@settings(max_examples=20, deadline=None)
@given(cases())
def test_ranx(case: Case) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from ranx import Qrels, Run, evaluate
    users = [u for u in case.asked() if case.candidates(u)]
    if not users:
        return
    qrels = Qrels({f"u{u}": {f"d{i}": 1 for i in sorted(case.held_out[u])} for u in users})
    run = Run(
        {
            f"u{u}": {f"d{i}": x for i, x in zip(case.candidates(u), case.ordered(u).tolist(), strict=True)}
            for u in users
        }
    )
    found = ours(case, users)
    names = ["precision", "recall", "f1", "hit_rate", "mrr", "ndcg"]
    theirs = evaluate(qrels, run, [f"{name}@{k}" for name in names for k in KS], return_mean=False)
    for metric, values in theirs.items():
        np.testing.assert_allclose(found[metric], values, atol=1e-9, rtol=0, err_msg=metric)
    few = np.array([len(case.held_out[u]) <= 10 for u in users])
    # ranx divides by all relevant items, we by those that fit into the list
    np.testing.assert_allclose(
        found["map@10"][few], evaluate(qrels, run, "map@10", return_mean=False)[few], atol=1e-9, rtol=0
    )
