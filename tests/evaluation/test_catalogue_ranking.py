"""Exact ranking: ties by item row, no known items, the same lists for any chunk size."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from fusionrec.data.histories import Histories
from fusionrec.evaluation import catalogue_ranking
from fusionrec.models.fixed_scores import FixedScores
from fusionrec.models.popularity_scores import PopularityScores
from fusionrec.models.uniform_scores import UniformScores

USERS, ITEMS = 7, 9


def nothing(users: int = USERS) -> Histories:
    return Histories(np.zeros(users + 1, np.int64), np.zeros(0, np.int64))


def test_ties_go_to_the_lower_row() -> None:
    scores = np.array([[1, 2, 2, 0, 2, 1]], np.float32)
    lists = catalogue_ranking.top_k(FixedScores(scores), np.array([0]), nothing(1), 4)
    assert lists.items.tolist() == [[1, 2, 4, 0]] and lists.scores.tolist() == [[2, 2, 2, 1]]


@settings(deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 12), st.sampled_from([1, 2, 3, 100]))
def test_equals_a_full_sort_whatever_the_chunk(seed: int, k: int, chunk: int) -> None:
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (USERS, ITEMS)).astype(np.float32)
    known = pd.DataFrame({"user": rng.integers(0, USERS, 30), "item": rng.integers(0, ITEMS, 30)})
    past = Histories.of(known.drop_duplicates().assign(timestamp=0), USERS)
    lists = catalogue_ranking.top_k(FixedScores(scores), np.arange(USERS), past, k, chunk).items
    for user in range(USERS):
        allowed = [item for item in range(ITEMS) if item not in set(past[user])]
        expected = sorted(allowed, key=lambda item: (-scores[user, item], item))[:k]
        assert lists[user].tolist() == expected + [-1] * (k - len(expected))


def drawn(kind: str, shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Scores with no ties, many, only ties, many zeros of either sign, few candidates, and in order."""
    scores = rng.standard_normal(shape).astype(np.float32)
    if kind == "ties":
        return np.round(scores * 2)
    if kind == "equal":
        return np.zeros_like(scores)
    if kind == "zeros":
        return np.where(rng.random(shape) < 0.01, scores, np.where(rng.random(shape) < 0.5, 0.0, -0.0))
    if kind == "few":
        return np.where(rng.random(shape) < 0.002, scores, -np.inf).astype(np.float32)
    return -np.sort(-scores, 1) if kind == "in order" else scores


@settings(deadline=None)
@given(
    st.integers(0, 10_000),
    st.integers(1, 60),
    st.sampled_from([640, 2_000, 2_017, 5_023]),
    st.sampled_from(["different", "ties", "equal", "zeros", "few", "in order"]),
)
def test_a_large_catalogue_equals_a_full_sort(seed: int, k: int, items: int, kind: str) -> None:
    scores = drawn(kind, (3, items), np.random.default_rng(seed)).astype(np.float32)
    found = catalogue_ranking.best(torch.from_numpy(scores), k)
    order = np.argsort(-scores, 1, kind="stable")[:, :k]
    value = np.take_along_axis(scores, order, 1)
    assert np.array_equal(found.scores, value)
    assert np.array_equal(found.items, np.where(value == -np.inf, -1, order))


@pytest.mark.parametrize("place", [0, 17, 4_999, 5_022])
def test_one_nan_in_a_large_catalogue_is_an_error(place: int) -> None:
    scores = torch.zeros(2, 5_023)
    scores[1, place] = torch.nan
    with pytest.raises(ValueError, match="NaN"):
        catalogue_ranking.best(scores, 5)


def test_memory_is_bounded_by_the_number_of_scores(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    class Watched(FixedScores):
        def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
            asked.append(len(users))
            return super().score(users, past)

    monkeypatch.setattr(catalogue_ranking, "VALUES", 3 * ITEMS)
    scores = np.random.default_rng(0).standard_normal((USERS, ITEMS)).astype(np.float32)
    lists = catalogue_ranking.top_k(Watched(scores), np.arange(USERS), nothing(), 4)
    assert max(asked) == 3
    assert np.array_equal(lists.items, np.argsort(-scores, 1)[:, :4])


def test_even_one_user_at_a_time_if_a_catalogue_is_that_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue_ranking, "VALUES", 1)
    assert (
        catalogue_ranking._fitting(FixedScores(np.zeros((4, 9), np.float32)), np.arange(4), nothing(4), 3)
        == 1
    )


class ByPast:
    """Scores that the user's past decides: the item after each known one."""

    def score(self, users: np.ndarray, past: Histories) -> torch.Tensor:
        scores = torch.zeros(len(users), ITEMS)
        for row, user in enumerate(users):
            scores[row, past[user] + 1] = 1.0
        return scores


def test_the_recommender_reads_the_past_and_chunks_have_the_scores_of_the_lists() -> None:
    past = Histories(np.array([0, 2, 3]), np.array([0, 1, 5]))
    assert catalogue_ranking.top_k(ByPast(), np.arange(2), past, 1).items.tolist() == [[2], [6]]
    chunks = list(catalogue_ranking.masked_scores(ByPast(), np.array([1, 0, 1]), past, 2))
    assert [users.tolist() for users, _ in chunks] == [[1, 0], [1]]
    rows = torch.cat([scores for _, scores in chunks]).tolist()
    assert rows[0] == rows[2] == [0, 0, 0, 0, 0, -np.inf, 1, 0, 0]
    assert rows[1] == [-np.inf, -np.inf, 1, 0, 0, 0, 0, 0, 0]


def test_tiny_differences_decide() -> None:
    scores = torch.tensor([[1e-12, 3e-12, -2e-12, 2e-12]])
    assert catalogue_ranking.best(scores, 4).items.tolist() == [[1, 3, 0, 2]]


def test_nan_is_an_error() -> None:
    with pytest.raises(ValueError, match="NaN"):
        catalogue_ranking.top_k(
            FixedScores(np.full((1, 3), np.nan, np.float32)), np.array([0]), nothing(1), 1
        )


def test_one_nan_among_many_scores_is_an_error() -> None:
    scores = np.arange(300, dtype=np.float32)[None]
    scores[0, 17] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        catalogue_ranking.top_k(FixedScores(scores), np.array([0]), nothing(1), 5)


def test_no_users() -> None:
    assert catalogue_ranking.top_k(
        FixedScores(np.zeros((1, 3), np.float32)), np.array([], np.int64), nothing(1), 2
    ).items.shape == (0, 2)


def test_hits() -> None:
    held_out = Histories(np.array([0, 2, 2, 3]), np.array([4, 1, 8]))
    found = catalogue_ranking.hits(np.array([[1, 2, 4], [8, 1, -1]]), np.array([0, 2]), held_out, ITEMS)
    assert found.tolist() == [[True, False, True], [True, False, False]]
    assert not catalogue_ranking.hits(np.array([[1]]), np.array([0]), nothing(), ITEMS).any()
    first = Histories(np.array([0, 1]), np.array([0]))
    assert catalogue_ranking.hits(np.array([[2, 0]]), np.array([0]), first, ITEMS).tolist() == [[False, True]]


def test_a_short_list_is_no_hit_on_the_last_item_of_the_user_before() -> None:
    held_out = Histories(np.array([0, 1, 2]), np.array([ITEMS - 1, 0]))
    assert not catalogue_ranking.hits(np.array([[0, -1], [-1, -1]]), np.arange(2), held_out, ITEMS).any()


def test_random_stays_near_k_over_items() -> None:
    users, items, k = 3000, 50, 10
    rng = np.random.default_rng(1)
    held_out = Histories(np.arange(users + 1), rng.integers(0, items, users))
    lists = catalogue_ranking.top_k(UniformScores(3, items), np.arange(users), nothing(users), k).items
    rate = catalogue_ranking.hits(lists, np.arange(users), held_out, items).any(1).mean()
    assert abs(rate - k / items) < 0.03


def test_random_does_not_depend_on_the_chunk_but_on_the_seed() -> None:
    lists = [
        catalogue_ranking.top_k(UniformScores(seed, 30), np.arange(20), nothing(20), 5, c).items
        for seed, c in [(0, 3), (0, 64), (1, 64)]
    ]
    assert np.array_equal(lists[0], lists[1]) and not np.array_equal(lists[0], lists[2])


def test_popularity_sees_train_only() -> None:
    train = Histories(np.array([0, 2, 3]), np.array([5, 3, 5]))
    assert PopularityScores(train, ITEMS).score(np.array([0]), nothing()).tolist() == [
        [0, 0, 0, 1, 0, 2, 0, 0, 0]
    ]


def test_masking_does_not_leak_into_the_recommender() -> None:
    fixed = FixedScores(np.ones((1, 3), np.float32))
    past = Histories(np.array([0, 1]), np.array([1]))
    catalogue_ranking.top_k(fixed, np.array([0]), past, 2)
    assert torch.equal(fixed.scores, torch.ones(1, 3))
