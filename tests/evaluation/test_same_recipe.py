"""Seeds of one recipe, trained on the demo, are seldom called different recipes."""

import itertools
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from fusionrec import files
from fusionrec.evaluation import comparison

from ..checkouts import change, clone, dvc

pytestmark = pytest.mark.slow
SEEDS = range(1, 9)
SHORT = {
    "train.epochs": 6, "metrics.baselines.names": ["popularity"], "metrics.rerankers": [], "metrics.tradeoff": [],
}  # fmt: skip
HEADLINE = ["ndcg@10", "recall@10"]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[pd.DataFrame]:
    """The metrics of the demo's 2,000 users, for each seed."""
    folder: Path = clone(tmp_path_factory.mktemp("seeds"))
    measured = []
    for seed in SEEDS:
        change(folder, SHORT | {"train.seed": seed})
        dvc(folder, "repro", "metrics")
        table = files.read_table(folder / "data/metrics/per_user.parquet")
        measured.append(table[table["recommender"] == "model"])
    return measured


def called_different(pairs: list[tuple[list[pd.DataFrame], list[pd.DataFrame]]], metrics: list[str]) -> float:
    """The share of pairs of which a metric is said to differ."""
    answers = [comparison.answers(comparison.compare(a, b, metrics)) for a, b in pairs]
    return float(np.mean(["yes" in answer for answer in answers]))


def groups(runs: list[pd.DataFrame], size: int) -> list[tuple[list[pd.DataFrame], list[pd.DataFrame]]]:
    """All pairs of groups of `size` runs that share no run."""
    chosen = itertools.combinations(range(len(runs)), size)
    pairs = [(a, b) for a, b in itertools.combinations(chosen, 2) if not {*a} & {*b}]
    return [([runs[i] for i in a], [runs[i] for i in b]) for a, b in pairs]


@pytest.mark.parametrize("size", [2, 3, 4])
def test_groups_of_seeds(runs: list[pd.DataFrame], size: int) -> None:
    pairs = groups(runs, size)
    assert len(pairs) >= 20 and called_different(pairs, HEADLINE) <= 0.05


def test_the_seed_alone_makes_models_differ_that_are_single_runs(runs: list[pd.DataFrame]) -> None:
    """So a single run a side tells nothing about recipes; groups that share runs, as here, scatter around 5 %."""
    assert called_different(groups(runs, 1), ["novelty@10"]) > 0.2
    assert called_different(groups(runs, 3), ["novelty@10"]) < 0.1
