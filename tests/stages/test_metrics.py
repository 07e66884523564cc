"""metrics as a script, on a tiny split whose figures are known."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fusionrec import files
from fusionrec.data import truth

from .workspace import ITEMS, USERS, build, run


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = build(tmp_path_factory.mktemp("metrics"))
    run(folder, "metrics")
    return folder


def scores(folder: Path) -> Any:
    return json.loads((folder / "metrics/eval.json").read_text(encoding="utf-8"))


def outputs(folder: Path) -> dict[str, bytes]:
    names = ("metrics", "plots", "data/metrics")
    paths = [path for name in names for path in (folder / name).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_popularity_by_hand(measured: Path) -> None:
    """Train users of the items are 1 2 3 3 3 3 2 1 0; user u is asked for item u + 4, past u ... u + 3."""
    found = scores(measured)
    # candidates: u0 4 ..., u1 5 ..., u2 1 6 ..., u3 2 1 0 7 ..., u4 2 3 1 0 8
    assert found["popularity"]["hit_rate@2"] == 3 / 5 and found["popularity"]["hit_rate@5"] == 1
    assert found["popularity"]["mrr@5"] == pytest.approx((1 + 1 + 1 / 2 + 1 / 4 + 1 / 5) / 5, abs=1e-6)
    assert found["popularity"]["ndcg_cold@5"] == pytest.approx(1 / np.log2(6), abs=1e-6)
    assert found["users"] == {"evaluated": USERS - 1, "without_test": 1, "cold": 1}


def test_per_user_values_have_the_means_and_intervals_hold_them(measured: Path) -> None:
    found = scores(measured)
    table = files.read_table(measured / "data/metrics/per_user.parquet")
    assert "oracle" not in found and set(table["recommender"]) == {"model", "popularity", "random"}
    assert not table.duplicated(["recommender", "user_id"]).any() and "u5" not in set(table["user_id"])
    for name, means in table.drop(columns="user_id").groupby("recommender").mean().iterrows():
        assert {metric: found[name][metric] for metric in means.index} == pytest.approx(dict(means), abs=1e-6)
    intervals = files.read_json(measured / "metrics/intervals.json")
    for name in ("model", "popularity", "random"):
        ndcg = intervals[name]["ndcg@5"]
        assert ndcg["low"] <= ndcg["mean"] == found[name]["ndcg@5"] <= ndcg["high"]
    lead = found["model"]["ndcg@5"] - found["popularity"]["ndcg@5"]
    assert intervals["model - popularity"]["ndcg@5"]["mean"] == pytest.approx(lead, abs=2e-6)


def test_the_oracle_appears_where_the_preference_model_is_known(tmp_path: Path) -> None:
    trained = build(tmp_path)
    taste = np.eye(USERS, ITEMS, 4, dtype=np.float32)  # everybody loves the item to be found
    users, items = [f"u{u}" for u in range(USERS)], [f"i{i}" for i in range(ITEMS)]
    known = truth.Truth(users, items, taste, np.eye(ITEMS, dtype=np.float32), np.zeros(ITEMS, np.float32))
    truth.write(trained / "data/raw/tables", known)
    run(trained, "metrics")
    found = scores(trained)
    assert found["oracle"]["ndcg@2"] == 1 and found["oracle"]["recall@5"] == 1
    assert found["model"]["share_of_best@5"] == found["model"]["ndcg@5"]


def test_it_repeats_byte_for_byte(measured: Path) -> None:
    first = outputs(measured)
    run(measured, "metrics", hash_seed=7)
    assert outputs(measured) == first
    assert {
        "metrics/eval.json",
        "metrics/intervals.json",
        "plots/recall_at_k.csv",
        "plots/recall_at_k.png",
    } < set(first)


def test_a_cache_of_other_items_ends_with_one_line_and_writes_nothing(tmp_path: Path) -> None:
    trained = build(tmp_path)
    (ids,) = (trained / "data/cache/vision").glob("*/item_ids.json")
    files.write_json(ids, files.read_json(ids)[::-1])
    error = run(trained, "metrics", fails=True)
    assert error.startswith("error: data/cache/vision/") and "dvc repro" in error
    assert error.count("\n") == 1 and outputs(trained) == {}
