"""What each baseline scores, fitted on train alone, and which hyper-parameters are taken."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation import baselines
from fusionrec.evaluation.options import Baselines
from fusionrec.models.closed_form import TrainData
from fusionrec.models.contract import ModelData
from fusionrec.models.fixed_scores import FixedScores
from fusionrec.models.popularity_scores import PopularityScores
from fusionrec.models.trained_model import TrainedModel
from fusionrec.models.uniform_scores import UniformScores
from fusionrec.models.zoo.recent_popularity import recent

from ..catalogue import contents

NOTHING = Histories(np.zeros(6, np.int64), np.zeros(0, np.int64))
USERS, ITEMS = 20, 12
NAMES = ["random", "popularity", "recent_popularity", "item_knn", "user_knn", "ease"]
GIVEN = {
    "recent_popularity": {"share": 0.25},
    "item_knn": {"neighbours": [3, 50], "shrinkage": [0, 10]},
    "user_knn": {"neighbours": [3, 50], "shrinkage": [0, 10], "max_users": USERS},
    "ease": {"l2": [1, 100], "max_items": 100},
}


def log(seed: int = 0) -> pd.DataFrame:
    """Users like items of their own parity."""
    rng = np.random.default_rng(seed)
    user = rng.integers(0, USERS, 160)
    item = rng.integers(0, ITEMS // 2, 160) * 2 + user % 2
    table = pd.DataFrame({"user": user, "item": item}).drop_duplicates()
    return table.assign(timestamp=np.arange(len(table)))


def build(
    names: list[str],
    validation: Callable[[TrainedModel], float] | None = None,
    table: pd.DataFrame | None = None,
) -> dict[str, TrainedModel]:
    table = log() if table is None else table
    section = Baselines.model_validate(
        {"names": names} | {name: GIVEN[name] for name in names if name in GIVEN}
    )
    histories = Histories.of(table, USERS)
    data = ModelData(contents(ITEMS), USERS, 0, graph=histories)
    return baselines.build(section, data, TrainData(table, histories, 1), validation)


def test_popularity_is_the_same_for_everybody_and_zero_for_unknown_items() -> None:
    train = Histories(np.array([0, 2, 3, 3, 3, 3]), np.array([1, 2, 1]))
    scores = PopularityScores(train, 4).score(np.array([4, 0]), NOTHING)
    assert scores.tolist() == [[0, 2, 1, 0]] * 2 and scores.dtype == torch.float32


def test_random_depends_on_the_user_and_the_seed_alone() -> None:
    together = UniformScores(1, 50).score(np.array([3, 0, 3]), NOTHING)
    assert torch.equal(together[0], together[2]) and not torch.equal(together[0], together[1])
    assert torch.equal(together[1], UniformScores(1, 50).score(np.array([0]), NOTHING)[0])
    assert not torch.equal(together, UniformScores(2, 50).score(np.array([3, 0, 3]), NOTHING))


def test_random_is_uniform_over_items() -> None:
    scores = UniformScores(0, 20).score(np.arange(4000), Histories(np.zeros(4001, np.int64), NOTHING.items))
    first = np.bincount(scores.argmax(1).numpy(), minlength=20) / len(scores)
    assert scores.dtype == torch.float32
    assert np.abs(first - 1 / 20).max() < 4 * np.sqrt(0.05 * 0.95 / 4000), "within 4 standard errors"


def test_fixed_hands_out_the_rows_of_the_users() -> None:
    table = np.arange(6, dtype=np.float32).reshape(3, 2)
    assert FixedScores(table).score(np.array([2, 0]), NOTHING).tolist() == [[4, 5], [0, 1]]


def test_recent_popularity_counts_the_last_share_of_the_time() -> None:
    table = pd.DataFrame({"user": range(5), "item": [0, 0, 1, 2, 2], "timestamp": [0, 70, 75, 90, 100]})
    (found,) = build(["recent_popularity"], table=table).values()
    assert found.score(np.array([0]), NOTHING)[0, :4].tolist() == [0, 1, 2, 0]
    assert not len(recent(table[:0], 0.5))


@pytest.mark.parametrize("name", NAMES)
def test_every_baseline_keeps_the_contract(name: str) -> None:
    (found,) = build([name]).values()
    past = Histories.of(log(), USERS)
    users = np.array([7, 0, 7])
    scores = found.score(users, past)
    assert scores.shape == (3, ITEMS) and scores.dtype == torch.float32 and scores.isfinite().all()
    assert torch.equal(scores[0], scores[2])
    assert torch.equal(scores[[1]], found.score(users[[1]], past)), "who else is asked does not matter"
    scores.fill_(-1)
    assert (found.score(users, past) != -1).any(), "scores are the caller's to change"
    assert found.score(np.array([], np.int64), past).shape == (0, ITEMS)


@pytest.mark.parametrize("name", ["item_knn", "user_knn", "ease"])
def test_what_is_personal_recovers_the_pattern_also_for_a_stranger(name: str) -> None:
    (found,) = build([name]).values()
    stranger = Histories(np.array([0] * (USERS + 1) + [3]), np.array([1, 3, 5]))
    scores = found.score(np.array([USERS]), stranger)[0]
    scores[[1, 3, 5]] = -torch.inf
    assert {int(item) % 2 for item in scores.topk(3).indices} == {1}


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random"])
def test_nothing_but_train_is_seen(name: str) -> None:
    """What is known of users at test moves no weight: only the past that is asked about."""
    train = log()
    (found,) = build([name], table=train).values()
    held_out = pd.DataFrame({"user": range(USERS), "item": 0, "timestamp": 10**6})
    past = Histories.of(train, USERS)
    richer = Histories.of(pd.concat([train, held_out[held_out["user"] != 3]]), USERS)
    assert torch.equal(found.score(np.array([3]), past), found.score(np.array([3]), richer))
    (leaky,) = build([name], table=pd.concat([train, held_out])).values()
    assert not torch.equal(leaky.score(np.array([3]), past), found.score(np.array([3]), past))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("item_knn", {"neighbours": 50, "shrinkage": 0}),
        ("user_knn", {"neighbours": 3, "shrinkage": 10}),
        ("ease", {"l2": 100}),
    ],
)
def test_the_best_on_validation_is_taken_and_said(name: str, wanted: dict[str, float]) -> None:
    def validation(fitted: TrainedModel) -> float:
        return float(fitted.model.settings == wanted)

    assert build([name], validation)[name].model.settings == wanted


def test_the_first_of_equals_and_without_validation_the_first() -> None:
    for validation in (None, lambda _: 0.5):
        found = build(NAMES, validation)
        assert list(found) == NAMES
        assert [found[name].model.settings for name in NAMES[3:]] == [
            {"neighbours": 3, "shrinkage": 0},
            {"neighbours": 3, "shrinkage": 0},
            {"l2": 1},
        ]
        assert not any(found[name].model.settings for name in NAMES[:3])


def test_what_the_data_is_unsuitable_for_is_left_out_and_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Items without contents, more of them than EASE may take, and more users than user_knn may compare."""
    monkeypatch.setitem(GIVEN, "ease", {"l2": [1], "max_items": ITEMS - 1})
    monkeypatch.setitem(GIVEN, "content_knn", {"neighbours": [2], "weights": {}})
    monkeypatch.setitem(GIVEN, "user_knn", {"neighbours": [2], "shrinkage": [0], "max_users": USERS - 1})
    assert [*build(["content_knn", "ease", "popularity", "user_knn"])] == ["popularity"]
    said = capsys.readouterr().out.splitlines()
    assert "content_knn: the items have no contents" in said[0] and "ease: needs matrices" in said[1]
    assert f"user_knn: takes at most {USERS - 1} users" in said[2]


def test_a_model_that_is_trained_is_no_baseline() -> None:
    with pytest.raises(UserError, match=r"metrics\.baselines\.names: bpr_mf is trained.*model\.name=bpr_mf"):
        build(["popularity", "bpr_mf"])
