"""Neighbours by hand and against naive loops; nothing depends on chunks, order or what train lacks."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories
from fusionrec.models import neighbours
from fusionrec.models.closed_form import TrainData
from fusionrec.models.contract import ModelData
from fusionrec.models.neighbours import nearest
from fusionrec.models.zoo import item_knn, user_knn

from ...catalogue import contents

USERS, ITEMS = 6, 7


def histories(*rows: list[int]) -> Histories:
    return Histories(np.cumsum([0, *map(len, rows)]), np.concatenate([np.array(r, np.int64) for r in rows]))


def some(seed: int, users: int = USERS) -> Histories:
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"user": rng.integers(0, users, 20), "item": rng.integers(0, ITEMS, 20)})
    return Histories.of(table.drop_duplicates().assign(timestamp=0), users)


def cosine(a: set[int], b: set[int], shrinkage: float) -> float:
    return len(a & b) / ((len(a) * len(b)) ** 0.5 + shrinkage) if a & b else 0.0


def best(similar: dict[int, float], k: int) -> dict[int, float]:
    positive = [(-value, key) for key, value in similar.items() if value > 0]
    return {key: -value for value, key in sorted(positive)[:k]}


def models(kind: Any, train: Histories, items: int, neighbours: list[int], shrinkage: list[float]) -> Any:
    data = ModelData(contents(items), len(train), 0, graph=train)
    most = {"max_users": len(train)} if kind is user_knn else {}
    options = kind.Options(neighbours=neighbours, shrinkage=shrinkage, **most)
    return kind.Model.fit(options, data, TrainData(pd.DataFrame(), train, 1))


def fitted(kind: Any, train: Histories, items: int, k: int, shrinkage: float) -> Any:
    (model,) = models(kind, train, items, [k], [shrinkage])
    return model


def test_item_knn_by_hand() -> None:
    """Items 0 and 1 share two of 3 and 2 users, 0 and 2 one of 3 and 1."""
    model = fitted(item_knn, histories([0, 1], [0, 1], [0, 2]), 3, 5, 0)
    scores = model.score_all(np.array([0, 1]), histories([0], [1, 2]))
    expected = [[0, 2 / 6**0.5, 1 / 3**0.5], [2 / 6**0.5 + 1 / 3**0.5, 0, 0]]
    np.testing.assert_allclose(scores, expected, rtol=1e-6)


def test_shrinkage_and_the_number_of_neighbours_by_hand() -> None:
    train = histories([0, 1], [0, 1], [0, 2])
    scores = fitted(item_knn, train, 3, 1, 2).score_all(np.array([0]), histories([1, 2]))
    np.testing.assert_allclose(scores, [[2 / (6**0.5 + 2), 0, 0]], rtol=1e-6)


def test_user_knn_by_hand() -> None:
    train = histories([0, 1], [0, 1, 2], [2, 3], [])
    scores = fitted(user_knn, train, 4, 5, 0).score_all(np.array([0, 3]), histories([0, 1], [], [], [3]))
    np.testing.assert_allclose(scores[0], [2 / 6**0.5] * 3 + [0], rtol=1e-6)
    np.testing.assert_allclose(scores[1], [0, 0, 1 / 2**0.5, 1 / 2**0.5], rtol=1e-6)


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 4), st.sampled_from([0, 1.5]))
def test_equal_to_naive_loops(seed: int, k: int, shrinkage: float) -> None:
    train, past = some(seed), some(seed + 1)
    users, own = np.arange(USERS), [set(train[u]) for u in range(USERS)]
    fans = [{u for u in range(USERS) if i in own[u]} for i in range(ITEMS)]
    by_item, by_user = np.zeros((2, USERS, ITEMS))
    for user in range(USERS):
        for item in range(ITEMS):
            alike = {j: cosine(fans[item], fans[j], shrinkage) for j in range(ITEMS) if j != item}
            by_item[user, item] = sum(v for j, v in best(alike, k).items() if j in set(past[user]))
        near = best({o: cosine(set(past[user]), own[o], shrinkage) for o in range(USERS) if o != user}, k)
        for other, value in near.items():
            by_user[user, list(own[other])] += value
    found = fitted(item_knn, train, ITEMS, k, shrinkage).score_all(users, past)
    np.testing.assert_allclose(found, by_item, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(
        fitted(user_knn, train, ITEMS, k, shrinkage).score_all(users, past), by_user, rtol=1e-6, atol=1e-9
    )


@pytest.mark.parametrize("kind", [item_knn, user_knn])
def test_chunks_and_the_order_of_users_change_no_bit(kind, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    train, past, users = some(0), some(1), np.array([5, 0, 3, 1])
    whole = fitted(kind, train, ITEMS, 2, 1.0).score_all(users, past)
    monkeypatch.setattr(neighbours, "VALUES", 1)
    one = fitted(kind, train, ITEMS, 2, 1.0)
    assert (one.score_all(users, past) == whole).all()
    assert all((one.score_all(users[[i]], past) == whole[[i]]).all() for i in range(len(users)))


@pytest.mark.parametrize("kind", [item_knn, user_knn])
def test_a_user_whom_train_does_not_know_is_answered_from_the_past(kind) -> None:  # type: ignore[no-untyped-def]
    train = histories([0, 1], [0, 1], [1, 2], [])
    past = histories([], [], [], [0], [0])  # the last one is beyond the table of users
    scores = fitted(kind, train, 3, 5, 0).score_all(np.array([3, 4]), past).numpy()
    assert (scores[0] == scores[1]).all() and scores[0, 1] > scores[0, 2] >= 0
    assert not fitted(kind, train, 3, 5, 0).score_all(np.array([0]), histories([])).any(), (
        "nothing known, nothing said"
    )


@pytest.mark.parametrize("kind", [item_knn, user_knn])
def test_an_item_twice_in_a_history_counts_once(kind) -> None:  # type: ignore[no-untyped-def]
    once, twice = histories([0, 1], [1, 2]), histories([0, 1, 0], [1, 2, 2])
    scores = [fitted(kind, h, 3, 5, 0).score_all(np.arange(2), h) for h in (once, twice)]
    assert (scores[0] == scores[1]).all()


def test_nearest_breaks_ties_by_column() -> None:
    alike = csr_array(np.array([[0.5, 0.7, 0.5, 0.5], [0, 0, 0.1, 0]]))
    assert nearest(alike, 2).toarray().tolist() == [[0.5, 0.7, 0, 0], [0, 0, 0.1, 0]]


@pytest.mark.parametrize("kind", [item_knn, user_knn])
def test_empty(kind) -> None:  # type: ignore[no-untyped-def]
    nobody = histories([])
    assert fitted(kind, nobody, 3, 5, 0).score_all(np.array([0]), nobody).tolist() == [[0, 0, 0]]
    assert fitted(kind, nobody, 3, 5, 0).score_all(np.array([], np.int64), nobody).shape == (0, 3)


def test_what_is_kept_for_other_numbers_of_neighbours_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Users and pasts alternate, and nothing fits into memory: the scores are those of a fresh model."""
    train, pasts, users = some(0), [some(1), some(2)], [np.array([0, 3, 5]), np.array([2])]
    for values in (2**24, 0):
        monkeypatch.setattr(user_knn, "VALUES", values)
        for found in models(user_knn, train, ITEMS, [4, 2, 1], [0, 1.5]):
            settings = found.settings
            fresh = fitted(user_knn, train, ITEMS, int(settings["neighbours"]), settings["shrinkage"])
            for past in (*pasts, pasts[0]):
                for some_users in users:
                    assert torch.equal(found.score_all(some_users, past), fresh.score_all(some_users, past))


def test_item_knn_takes_the_nearest_of_the_nearest() -> None:
    train, past, users = some(0, users=30), some(1, users=30), np.arange(30)
    for found in models(item_knn, train, ITEMS, [1, 2, 5], [0, 1.5]):
        settings = found.settings
        alone = fitted(item_knn, train, ITEMS, int(settings["neighbours"]), settings["shrinkage"])
        assert torch.equal(found.score_all(users, past), alone.score_all(users, past))
