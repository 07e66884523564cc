"""Common mistakes in evaluations, and properties that must hold."""

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec import sections
from fusionrec.data.histories import Histories
from fusionrec.evaluation import baselines, report
from fusionrec.evaluation import protocol as tasks
from fusionrec.evaluation.metrics import diversity
from fusionrec.models.closed_form import TrainData
from fusionrec.models.contract import ModelData
from fusionrec.models.fixed_scores import FixedScores
from fusionrec.models.uniform_scores import UniformScores

from ..catalogue import contents
from .tiny import FAMILIES, OPTIONS, ROOT

USERS, ITEMS, K = 1500, 80, 10


def split(seed: int = 0) -> dict[str, pd.DataFrame]:
    """Four train items, a validation item and three test items a user, with the test part of another taste."""
    rng = np.random.default_rng(seed)
    order = np.stack([rng.permutation(ITEMS)[:8] for _ in range(USERS)])
    order.sort(axis=1)  # the low rows are in train, the high ones in test
    row = np.repeat(np.arange(USERS), 8)
    log = pd.DataFrame({"user": row, "item": order.ravel(), "timestamp": np.tile(np.arange(8), USERS)})
    parts = {"train": (0, 4), "val": (4, 5), "test": (5, 8), "fold_in": (9, 9)}
    return {n: log[log["timestamp"].between(a, b - 1)].reset_index(drop=True) for n, (a, b) in parts.items()}


PARTS = split()
VECTORS = diversity.content_vectors(
    [np.random.default_rng(1).normal(size=(ITEMS, 6)).astype(np.float32)], ITEMS
)
TAIL = np.arange(ITEMS) % 3 == 0


def task(protocol: str = "strict") -> tasks.Task:
    options = OPTIONS.model_copy(update={"protocol": protocol, "negatives": 20})
    return tasks.of_test(PARTS, USERS, TAIL, VECTORS, options)


def summary(recommender: FixedScores | UniformScores, this: tasks.Task) -> dict[str, float | None]:
    return report.evaluate(tasks.rank(recommender, this, K).items, this, [K], FAMILIES).summary


def oracle() -> FixedScores:
    scores = np.zeros((USERS, ITEMS), np.float32)
    scores[PARTS["test"]["user"], PARTS["test"]["item"]] = 1
    return FixedScores(scores)


def test_random_stays_near_k_over_the_candidates() -> None:
    found = summary(UniformScores(3, ITEMS), task())
    assert found[f"recall@{K}"] == pytest.approx(K / (ITEMS - 5), abs=0.01)


def test_random_stays_near_k_over_the_sampled_candidates() -> None:
    """Candidates that were only positives made a random recommender perfect."""
    found = summary(UniformScores(3, ITEMS), task("sampled"))
    assert found[f"recall@{K}"] == pytest.approx(K / 23, abs=0.02)


@pytest.mark.parametrize("protocol", ["strict", "mmrec", "sampled"])
def test_an_oracle_scores_one(protocol: str) -> None:
    found = summary(oracle(), task(protocol))
    assert {found[f"{name}@{K}"] for name in ("ndcg", "map", "recall", "mrr", "hit_rate")} == {1.0}


def test_ndcg_is_divided_by_the_ideal_and_not_by_what_was_found() -> None:
    scores = oracle().scores.numpy()
    third = PARTS["test"].groupby("user").nth(0)
    only = np.zeros_like(scores)
    only[third["user"], third["item"]] = 1  # one of three is found, at the first rank
    one_of_three = summary(FixedScores(only * 2 - scores), task())
    assert one_of_three[f"ndcg@{K}"] == pytest.approx(1 / (1 + 1 / np.log2(3) + 1 / 2), abs=1e-6)


def test_coverage_is_not_averaged_over_users() -> None:
    assert summary(UniformScores(3, ITEMS), task())[f"coverage@{K}"] == 1, (
        "each user sees an eighth of the catalogue"
    )


def test_diversity_is_not_zero() -> None:
    assert summary(UniformScores(3, ITEMS), task())[f"diversity@{K}"] == pytest.approx(1, abs=0.05)


def test_baselines_see_train_alone() -> None:
    """With other validation and test parts they are the same, and so is what they score."""
    options = sections.load(ROOT / "params.yaml").metrics.baselines
    known = Histories.of(PARTS["train"], USERS)
    users = np.arange(20)
    data = ModelData(contents(ITEMS), USERS, 0, graph=known)
    built = baselines.build(options, data, TrainData(PARTS["train"], known, 0), None)
    for name, found in built.items():
        scores = found.score(users, known)
        if name == "popularity":
            counts = np.bincount(PARTS["train"]["item"], minlength=ITEMS)
            assert torch.equal(scores[0], torch.from_numpy(counts).float())
        never = np.bincount(PARTS["train"]["item"], minlength=ITEMS) == 0
        assert never.any() and (name == "random" or not scores[:, never].any()), (
            f"{name} knows what train lacks"
        )


def test_sampled_candidates_hold_no_train_item() -> None:
    this = task("sampled")
    assert this.candidates is not None
    mine, theirs = (set(zip(*h.pairs(np.arange(USERS)), strict=True)) for h in (this.candidates, this.past))
    assert not mine & theirs


def test_users_in_another_order_change_nothing() -> None:
    this = task()
    order = np.random.default_rng(5).permutation(USERS)
    scores = np.random.default_rng(2).integers(0, 5, (USERS, ITEMS)).astype(np.float32)
    one = report.evaluate(tasks.rank(FixedScores(scores), this, K).items, this, [3, K], FAMILIES)
    moved = this._replace(users=order)
    other = report.evaluate(tasks.rank(FixedScores(scores), moved, K).items, moved, [3, K], FAMILIES)
    assert one.summary == other.summary
    for name, values in one.per_user.items():
        np.testing.assert_array_equal(values[order], other.per_user[name], err_msg=name)


def test_items_in_another_order_change_nothing() -> None:
    """Scores without ties, since ties go by row."""
    this = task()
    order = np.random.default_rng(5).permutation(ITEMS)  # new row i is old row order[i]
    row = np.argsort(order)
    parts = {name: part.assign(item=row[part["item"]]) for name, part in PARTS.items()}
    moved = tasks.of_test(parts, USERS, TAIL[order], VECTORS[order], OPTIONS)
    scores = np.random.default_rng(2).permuted(
        np.tile(np.arange(ITEMS, dtype=np.float32), (USERS, 1)), axis=1
    )
    one = report.evaluate(tasks.rank(FixedScores(scores), this, K).items, this, [3, K], FAMILIES)
    other = report.evaluate(
        tasks.rank(FixedScores(scores[:, order]), moved, K).items, moved, [3, K], FAMILIES
    )
    assert one.summary == other.summary


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("chunk", [7, 4096])
def test_chunks_and_threads_change_nothing(threads: int, chunk: int) -> None:
    from fusionrec.evaluation import catalogue_ranking

    this, scores = task(), np.random.default_rng(2).integers(0, 5, (USERS, ITEMS)).astype(np.float32)
    whole = tasks.rank(FixedScores(scores), this, K).items
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        np.testing.assert_array_equal(
            catalogue_ranking.top_k(FixedScores(scores), this.users, this.past, K, chunk).items, whole
        )
    finally:
        torch.set_num_threads(before)
