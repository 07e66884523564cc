"""Accuracy against other metrics at several strengths of re-ranking."""

import numpy as np

from fusionrec.evaluation import report, tradeoff

from .tiny import FAMILIES, tiny

LISTS = {0.0: [[1, 2], [3, 2]], 0.5: [[2, 1], [3, 2]], 1.0: [[2, 3], [2, 3]]}


PLAIN = np.array(LISTS[0.0])
RERANKED = {
    (method, strength): np.array(LISTS[0.5 if method == "mmr" else strength])
    for method in ("mmr", "dpp")
    for strength in (1.0, 0.5)
}


def test_every_method_at_every_strength_and_at_zero() -> None:
    table = tradeoff.sweep(PLAIN, RERANKED, tiny(), FAMILIES, "ndcg@1")
    assert list(table) == ["series", "strength", "accuracy", "diversity", "coverage", "novelty"]
    assert table[["series", "strength"]].to_numpy().tolist() == [
        ["mmr", 0], ["mmr", 0.5], ["mmr", 1], ["dpp", 0], ["dpp", 0.5], ["dpp", 1],
    ]  # fmt: skip
    assert table["accuracy"].tolist() == [1, 0.5, 0.5, 1, 0.5, 0]
    assert table["diversity"].isna().all(), "items have no vectors"
    for row in table.to_dict("records"):
        items = RERANKED.get((row["series"], row["strength"]), PLAIN)
        expected = report.evaluate(items, tiny(), [1], FAMILIES).summary
        assert (row["coverage"], row["novelty"]) == (expected["coverage@1"], expected["novelty@1"])


def test_metrics_that_are_not_computed_are_empty() -> None:
    table = tradeoff.sweep(PLAIN, {("dpp", 1.0): RERANKED["dpp", 1.0]}, tiny(), FAMILIES[:1], "ndcg@1")
    assert table["accuracy"].tolist() == [1, 0]
    assert table[["diversity", "coverage", "novelty"]].isna().all(axis=None)
