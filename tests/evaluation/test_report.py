"""Protocols and slices, on a hand-made task."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusionrec import params
from fusionrec.data.features import Features
from fusionrec.evaluation import report
from fusionrec.models.baselines import Fixed

OPTIONS = params.Metrics(seed=0, ks=[1, 2], protocol="strict")
PARTS = {
    "train": pd.DataFrame({"user": [0, 1, 1], "item": [0, 0, 1], "timestamp": [0, 0, 1]}),
    "val": pd.DataFrame({"user": [1], "item": [2], "timestamp": [2]}),
    "test": pd.DataFrame({"user": [0, 1], "item": [1, 3], "timestamp": [3, 3]}),
    "fold_in": pd.DataFrame({"user": [], "item": [], "timestamp": []}, dtype="int64"),
}
NO_VECTORS = np.zeros((4, 0), np.float32)
SCORES = np.array([[9, 1, 0, 0], [0, 9, 5, 4], [0, 0, 0, 0]], np.float32)


def test_strict_hides_validation_and_mmrec_does_not() -> None:
    strict = report.evaluate(Fixed(SCORES), report.task(PARTS, 3, NO_VECTORS, "strict"), OPTIONS).per_user
    assert strict["hit_rate@1"].tolist() == [1, 1]
    mmrec = report.evaluate(Fixed(SCORES), report.task(PARTS, 3, NO_VECTORS, "mmrec"), OPTIONS).per_user
    assert mmrec["hit_rate@1"].tolist() == [1, 0], "item 2 of the validation part is in the way"


@pytest.mark.parametrize("protocol", ["strict", "mmrec"])
def test_what_is_folded_in_is_known_and_not_trained_on(protocol: str) -> None:
    """User 2, whom train lacks, is asked for item 3 with item 1 in the past."""
    asked = {
        "fold_in": pd.DataFrame({"user": [2], "item": [1], "timestamp": [0]}),
        "test": pd.DataFrame({"user": [2], "item": [3], "timestamp": [3], "kind": ["cold_both"]}),
    }
    task = report.task(PARTS | asked, 3, NO_VECTORS, protocol)
    assert task.users.tolist() == [2] and task.past[2].tolist() == [1]
    assert task.popularity.tolist() == [2, 1, 0, 0] and task.train_users == 2
    scores = np.array([[0, 0, 0, 0], [0, 0, 0, 0], [0, 9, 0, 5]], np.float32)
    assert report.evaluate(Fixed(scores), task, OPTIONS).per_user["hit_rate@1"].tolist() == [1]


def test_users_without_test_items_are_left_out() -> None:
    assert report.task(PARTS, 3, NO_VECTORS, "strict").users.tolist() == [0, 1]


def test_cold_slice() -> None:
    task = report.task(PARTS, 3, NO_VECTORS, "strict")
    assert report.cold_users(task).tolist() == [False, True]
    summary = report.evaluate(Fixed(SCORES), task, OPTIONS).summary
    assert summary["ndcg_cold@1"] == 1.0 and summary["ndcg@1"] == 1.0
    assert "diversity@1" not in summary, "there are no vectors to measure it with"


def test_summary_counts_users_and_the_share_of_the_best() -> None:
    task = report.task(PARTS, 3, NO_VECTORS, "strict")
    perfect = np.array([[0, 9, 0, 0], [0, 0, 0, 9], [0, 0, 0, 0]], np.float32)
    known = {"model": Fixed(SCORES[[1, 1, 2]]), "popularity": Fixed(SCORES), "oracle": Fixed(perfect)}
    results = {name: report.evaluate(found, task, OPTIONS) for name, found in known.items()}
    found = report.summary(results, task, OPTIONS.ks)
    assert found["users"] == {"evaluated": 2, "without_test": 1, "cold": 1}
    assert found["oracle"]["ndcg@1"] == 1 and "share_of_best@1" not in found["popularity"]
    assert found["model"]["share_of_best@2"] == found["model"]["ndcg@2"]
    assert "share_of_best@1" not in results["model"].summary, "the results are left as they are"


def test_intervals_are_paired_and_hold_the_means() -> None:
    task = report.task(PARTS, 3, NO_VECTORS, "strict")
    results = {name: report.evaluate(Fixed(SCORES), task, OPTIONS) for name in ("model", "popularity")}
    found = report.intervals(results, OPTIONS.ks, np.random.default_rng(0))
    assert found["model - popularity"]["ndcg@1"] == {"mean": 0, "low": 0, "high": 0}
    ndcg = found["model"]["ndcg@2"]
    assert ndcg["low"] <= ndcg["mean"] == results["model"].summary["ndcg@2"] <= ndcg["high"]


def test_content_vectors_have_length_one_or_zero() -> None:
    vision = Features(np.array([[3, 4], [0, 0], [0, 0]], np.float32), np.array([True, False, False]))
    language = Features(np.array([[2], [5], [0]], np.float32), np.array([True, True, False]))
    vectors = report.content_vectors([vision, language])
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 1, 0], rtol=1e-6)
    np.testing.assert_allclose(vectors[0], np.array([0.6, 0.8, 1]) / np.sqrt(2), rtol=1e-6)


def test_plot_repeats_byte_for_byte(tmp_path: Path) -> None:
    from fusionrec.evaluation import plots

    curve = pd.DataFrame({"k": [5, 10], "model": [0.1, 0.2], "random": [0.0, 0.01]})
    for name in ("a.png", "b.png"):
        plots.at_k(curve, "recall", tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()
    assert (tmp_path / "a.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.parametrize("module", ["accuracy", "catalogue", "diversity"])
def test_examples_in_docstrings(module: str) -> None:
    import doctest
    import importlib

    result = doctest.testmod(importlib.import_module(f"fusionrec.evaluation.{module}"))
    assert result.attempted > 0 and result.failed == 0
