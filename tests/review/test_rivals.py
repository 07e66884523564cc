"""The table of rivals: the best on validation is the reference, and the others are tested against it."""

import io

import numpy as np
import pandas as pd
import pytest

from fusionrec.evaluation import comparison
from fusionrec.review import rivals
from fusionrec.review.rivals import Rival

USERS = 200
SHIFT = {
    "fusion-seed-1": 0.0,
    "fusion-seed-2": 0.01,
    "ease-seed-1": -0.2,
    "ease-seed-2": -0.21,
    "als": -0.001,
}


def per_user(run: str) -> pd.DataFrame:
    draw = np.random.default_rng([ord(letter) for letter in run])
    noise = np.random.default_rng(0).random(USERS) + draw.normal(0, 0.01, USERS)
    table = pd.DataFrame({"user_id": [f"u{i}" for i in range(USERS)], "ndcg@10": noise + SHIFT[run]})
    other = table.assign(recommender="ease", **{"ndcg@10": 9.0})
    return pd.concat([table.assign(recommender="model"), other])


@pytest.fixture(autouse=True)
def files(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(path: str, revision: str) -> bytes:
        assert path == "data/metrics/per_user.parquet"
        buffer = io.BytesIO()
        per_user(revision).to_parquet(buffer)
        return buffer.getvalue()

    monkeypatch.setattr(rivals, "read_bytes", read)


FUSION = Rival(
    "fusion", ["fusion-seed-1", "fusion-seed-2"], 0.5, [{"model": {"weights": 1000, "train_cpu": 12.4}}]
)
EASE = Rival(
    "ease", ["ease-seed-1", "ease-seed-2"], 0.4, [{"model": {"train_cpu": 1}}, {"model": {"train_cpu": 2}}]
)
ALS = Rival("als", ["als"], None, [])


def test_the_best_on_test_comes_first_and_the_best_on_validation_is_the_reference() -> None:
    found = rivals.table([EASE, FUSION], "ndcg@10").set_index("recipe")
    assert found.index.tolist() == ["fusion", "ease"]
    assert found["beyond chance"].tolist() == ["the best on validation", "yes"]
    both = [[per_user(run).query("recommender == 'model'") for run in side.runs] for side in (FUSION, EASE)]
    row = comparison.compare(both[0], both[1], ["ndcg@10"]).table.iloc[0]
    assert found.loc["ease", "difference"] == f"{row['difference']:+.4f}"
    assert found.loc["ease", "95 % interval"] == f"{row['low']:+.4f} to {row['high']:+.4f}"
    means = [per_user(run).query("recommender == 'model'")["ndcg@10"].mean() for run in EASE.runs]
    assert found.loc["ease", "ndcg@10"] == f"{np.mean(means):.4f} ± {np.std(means, ddof=1):.4f}"
    assert found["weights"].tolist() == ["1,000", "-"] and found["train CPU s"].tolist() == ["12", "1.5"]
    assert "users and seeds" in rivals.note([EASE, FUSION])


def test_more_rivals_are_more_tests() -> None:
    wide = rivals.table([EASE, FUSION, ALS], "ndcg@10").set_index("recipe")
    narrow = rivals.table([EASE, FUSION], "ndcg@10").set_index("recipe")
    ends = [
        [float(end) for end in str(table.loc["ease", "95 % interval"]).split(" to ")]
        for table in (wide, narrow)
    ]
    assert ends[0][0] < ends[1][0] < ends[1][1] < ends[0][1]
    assert "users, not seeds" in rivals.note([EASE, FUSION, ALS]) and "2 tests" in rivals.note(
        [EASE, FUSION, ALS]
    )
