"""metrics as a script, on a tiny split whose figures are known."""

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from fusionrec import files
from fusionrec.data.demo import demo_truth
from fusionrec.evaluation import metrics_table

from .. import warm
from .workspace import ITEMS, ROOT, USERS, build, run

FEW = {"names": ["random"]}
KNOWING_IDS = {"popularity", "recent_popularity", "item_knn", "user_knn", "ease"}
RIVALS = KNOWING_IDS | {"content_knn", "ridge", "kernel_ridge"}
PLOTS = ("ndcg_at_k", "recall_at_k", "exposure", "coverage", "tradeoff", "slices", "ablation")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(tmp_path_factory.mktemp("metrics"))
    run(folder, "metrics")
    return folder


def scores(folder: Path) -> Any:
    return metrics_table.parse((folder / "plots/metrics.csv").read_text(encoding="utf-8"))


def outputs(folder: Path) -> dict[str, bytes]:
    names = ("metrics", "plots", "data/metrics")
    paths = [path for name in names for path in (folder / name).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_popularity_by_hand(measured: Path) -> None:
    """Train users of the items are 1 2 3 3 3 3 2 1 0; user u is asked for item u + 4, past u ... u + 3."""
    found = scores(measured)
    # candidates: u0 4 ..., u1 5 ..., u2 1 6 ..., u3 2 1 0 7 ..., u4 2 3 1 0 8
    # and item 8, which nobody chose in train, is never listed
    assert found["popularity"]["hit_rate@2"] == 3 / 5 and found["popularity"]["hit_rate@5"] == 4 / 5
    assert found["popularity"]["mrr@5"] == pytest.approx((1 + 1 + 1 / 2 + 1 / 4) / 5, abs=1e-6)
    assert found["popularity"]["ndcg_cold@5"] is None and found["model"]["ndcg_cold@5"] is not None
    assert found["users"] == {
        "evaluated": USERS - 1, "without_test": 1, "without_candidates": 0, "cold": 1, "tied": 0,
    }  # fmt: skip


def test_key_metrics_are_few_and_say_the_same_as_the_table(measured: Path) -> None:
    key, found = files.read_json(measured / "metrics/eval.json"), scores(measured)
    rival, users = key.pop("best_rival"), key.pop("users")
    assert list(key) == ["ndcg@5", "recall@2", "novelty@5", "serendipity@5", "diversity@5", "coverage@5"]
    assert key.items() <= found["model"].items() and users == {"evaluated": found["users"]["evaluated"]}
    name = rival.pop("name")
    assert rival == {metric: found[name][metric] for metric in ("ndcg@5", "recall@2")}
    assert rival["ndcg@5"] == max(found[each]["ndcg@5"] for each in RIVALS) and name in RIVALS


def test_per_user_values_and_intervals_have_the_means(measured: Path) -> None:
    found = scores(measured)
    table = files.read_table(measured / "data/metrics/per_user.parquet")
    baselines = {"random"} | RIVALS
    rerankers = {"model_weighted", "model_mmr", "model_dpp"}  # no item has a category to calibrate to
    assert set(table["recommender"]) == {"model"} | baselines | rerankers == found.keys() - {"users"}
    assert not table.duplicated(["recommender", "user_id"]).any() and "u5" not in set(table["user_id"])
    for name, means in table.drop(columns="user_id").groupby("recommender").mean().iterrows():
        defined = means.dropna()
        assert {m: found[str(name)][m] for m in defined.index} == pytest.approx(dict(defined), abs=1e-6)
    intervals = files.read_json(measured / "data/metrics/intervals.json")
    for name in {"model"} | baselines | rerankers:
        ndcg = intervals[name]["ndcg@5"]
        assert ndcg == {"mean": found[name]["ndcg@5"], "low": None, "high": None}, "a handful of users"
    lead = found["model"]["ndcg@5"] - found["popularity"]["ndcg@5"]
    assert intervals["model - popularity"]["ndcg@5"]["mean"] == pytest.approx(lead, abs=2e-6)


def test_the_oracle_and_the_learner_appear_where_the_preference_model_is_known(tmp_path: Path) -> None:
    trained = build(tmp_path)
    taste = np.eye(USERS, ITEMS, 4, dtype=np.float32)  # everybody loves the item to be found
    users, items = [f"u{u}" for u in range(USERS)], [f"i{i}" for i in range(ITEMS)]
    known = demo_truth.Truth(
        users, items, taste, np.eye(ITEMS, dtype=np.float32), np.zeros(ITEMS, np.float32)
    )
    demo_truth.write(trained / "data/raw/tables", known)
    run(trained, "metrics")
    found = scores(trained)
    assert found["oracle"]["ndcg@2"] == 1 and found["oracle"]["recall@5"] == 1
    assert found["model"]["share_of_best@5"] == found["model"]["ndcg@5"]
    reached = found["model"]["ndcg@5"] / found["learner"]["ndcg@5"]
    assert found["model"]["share_of_reachable@5"] == pytest.approx(reached, abs=1e-5)


def test_it_repeats_byte_for_byte(measured: Path) -> None:
    first = outputs(measured)
    run(measured, "metrics", hash_seed=7)
    assert outputs(measured) == first
    assert {
        "metrics/eval.json",
        "plots/metrics.csv",
        "data/metrics/SHA256SUMS",
        "data/metrics/intervals.json",
        "data/metrics/slices.json",
        "data/metrics/ablation.json",
        "data/metrics/per_user.parquet",
        "data/metrics/slices.parquet",
        *(f"plots/{name}.{end}" for name in PLOTS for end in ("csv", "png")),
    } == set(first)


def test_slices_and_ablation(measured: Path) -> None:
    found, metric = scores(measured)["model"], "ndcg@5"
    parts = files.read_json(measured / "data/metrics/slices.json")["model"]
    assert parts["item"]["cold"]["users"] == 1 and parts["item"]["warm"]["users"] == USERS - 2
    assert parts["item"]["cold"][metric]["mean"] == found["ndcg_cold@5"]
    assert parts["picture"]["False"]["users"] == 1, "item 8 has no picture"
    each = files.read_table(measured / "data/metrics/slices.parquet")
    for (group, name), rows in each.groupby(["group", "slice"]):
        assert len(rows) == rows["user_id"].nunique() == parts[group][name]["users"]
        assert rows[metric].mean() == pytest.approx(parts[group][name][metric]["mean"], abs=1e-6)
    assert each.groupby(["group", "slice"]).ngroups == sum(
        part["users"] > 0 for parts_of_group in parts.values() for part in parts_of_group.values()
    )
    lost = files.read_json(measured / "data/metrics/ablation.json")
    assert lost.keys() == {"vision", "language", "id"} and lost["id"].keys() == {"absent", "shuffled"}
    one = lost["vision"]["absent"][metric]
    assert one["value"] + one["loss"] == pytest.approx(found[metric], abs=2e-6)
    assert one["low"] is one["high"] is None, "a handful of users"


def test_strength_0_of_the_trade_off_is_the_model(measured: Path) -> None:
    table = pd.read_csv(measured / "plots/tradeoff.csv")
    assert sorted(set(table["strength"])) == [0, 0.5]
    assert set(table.loc[table["strength"] == 0, "accuracy"]) == {scores(measured)["model"]["ndcg@5"]}


def change(folder: Path, **metrics: Any) -> None:
    path = folder / "params.yaml"
    tree = yaml.safe_load(path.read_text(encoding="utf-8"))
    tree["metrics"] |= metrics
    path.write_text(yaml.safe_dump(tree), encoding="utf-8")


def test_sampled_candidates_come_with_a_warning(tmp_path: Path) -> None:
    folder = build(tmp_path)
    change(folder, protocol="sampled", negatives=1, baselines=FEW)
    out = subprocess.run(
        [warm.python(), ROOT / "stages/metrics.py"], cwd=folder, capture_output=True, text=True
    )
    assert "warning: metrics.protocol is sampled" in out.stdout, out.stderr
    assert scores(folder)["random"]["recall@2"] == 1, "two candidates, two places"


def test_given_candidates_are_all_that_is_ranked(tmp_path: Path) -> None:
    folder = build(tmp_path)
    given = pd.DataFrame({"user_id": ["u0", "u1", "u1"], "item_id": ["i4", "i5", "i8"]})
    given.to_csv(folder / "given.csv", index=False)
    change(folder, candidates="given.csv", baselines=FEW)
    run(folder, "metrics")
    found = scores(folder)
    assert (found["users"]["evaluated"], found["users"]["without_candidates"]) == (2, USERS - 3)
    assert found["random"]["recall@2"] == 1 and found["random"]["coverage@5"] == pytest.approx(
        3 / ITEMS, abs=1e-6
    )


def test_a_model_of_other_items_ends_with_one_line_and_writes_nothing(tmp_path: Path) -> None:
    trained = build(tmp_path)
    ids = trained / "data/model/item_ids.json"
    files.write_json(ids, files.read_json(ids)[::-1])
    error = run(trained, "metrics", fails=True)
    assert error.startswith("error: data/model: ") and "dvc repro" in error
    assert error.count("\n") == 1 and outputs(trained) == {}
