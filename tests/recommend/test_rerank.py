"""Re-ranking against pyversity, naive loops and cases worked out by hand."""

import math

import numpy as np
import pytest
import pyversity
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from fusionrec.data.histories import Histories
from fusionrec.errors import UserError
from fusionrec.evaluation.catalogue_ranking import Lists
from fusionrec.evaluation.metrics import diversity
from fusionrec.recommend import rerank
from fusionrec.recommend.rerank import RerankFeatures
from fusionrec.recommend.rerank_gains import Similarity
from fusionrec.recommend.rerank_options import Rerank

ITEMS, VALUES, METHODS = 60, 5, ["weighted", "mmr", "dpp", "calibrated"]
SEEDS = st.integers(0, 10_000)


def options(method: str, strength: float, novelty: float = 0) -> Rerank:
    return Rerank.model_validate(
        {"method": method, "max_candidates": 20, "strength": strength, "novelty": novelty}
    )


def case(seed: int, users: int = 4, m: int = 20) -> tuple[Lists, RerankFeatures, Histories, np.ndarray]:
    """Lists with a short one and ties, items without a vector or a category, a user without a past."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((ITEMS, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[::9] = 0
    categories = csr_array(rng.random((ITEMS, VALUES)) < 0.3)
    items = np.stack([rng.permutation(ITEMS)[:m] for _ in range(users)])
    scores = -np.sort(-rng.integers(0, 30, (users, m)).astype(np.float32), 1)
    items[-1, m // 2 :], scores[-1, m // 2 :] = -1, -np.inf
    past = Histories(
        np.array([0, *range(6, 6 * users, 6), 6 * (users - 1)]), rng.integers(0, ITEMS, 6 * users - 6)
    )
    return (
        Lists(items, scores),
        RerankFeatures(vectors, rng.random(ITEMS) * 9, categories),
        past,
        np.arange(users),
    )


def run(seed: int, method: str, strength: float, k: int = 6, novelty: float = 0) -> list[list[int]]:
    lists, traits, past, users = case(seed)
    return rerank.rerank(lists, traits, past, users, k, options(method, strength, novelty)).items.tolist()


def naive(seed: int, method: str, strength: float, k: int, novelty: float = 0) -> list[list[int]]:
    """Definitions as they stand in the papers, one user, one candidate at a time."""
    lists, traits, past, _ = case(seed)
    v, known = traits.vectors.astype(np.float64), traits.categories.toarray()

    def scaled(x: np.ndarray) -> np.ndarray:
        return (x - x.min()) / (x.max() - x.min()) if x.max() > x.min() else x * 0

    def spread(chosen: list[int]) -> np.ndarray:
        rows = [known[i] / known[i].sum() for i in chosen if known[i].any()]
        return np.mean(rows, 0) if rows else np.zeros(VALUES)

    def gain(item: int, chosen: list[int], user: int) -> float:
        cosines = [v[item] @ v[j] for j in chosen]
        if method == "weighted":
            return float(np.mean([1 - c for c in cosines])) if chosen else 0.0
        if method == "mmr":
            return -max([0.0, *cosines])
        if method == "dpp":

            def log_volume(some: list[int]) -> float:
                gram = v[some] @ v[some].T
                np.fill_diagonal(gram, 1)
                return float(np.linalg.slogdet(gram)[1])

            return log_volume([*chosen, item]) - log_volume(chosen)
        p = spread(list({*past[user].tolist()}))
        q = 0.99 * spread([*chosen, item]) + 0.01 * p
        return -sum(a * math.log(a / b) for a, b in zip(p, q, strict=True) if a > 0)

    found = []
    for user, (row, score) in enumerate(zip(*lists, strict=True)):
        candidates = row[row >= 0]
        relevance, unknown = scaled(score[row >= 0].astype(float)), scaled(traits.novelty[candidates])
        chosen: list[int] = []
        while len(chosen) < min(k, len(candidates)):
            worth = [
                (1 - strength - novelty) * r + novelty * n + strength * gain(i, chosen, user)
                if i not in chosen
                else -math.inf
                for i, r, n in zip(candidates, relevance, unknown, strict=True)
            ]
            close = np.flatnonzero(np.array(worth) >= max(worth) - 1e-6)  # equal but for rounding: the first
            chosen.append(int(candidates[close[0]]))
        found.append(chosen + [-1] * (k - len(chosen)))
    return found


@settings(deadline=None, max_examples=40)
@given(SEEDS, st.sampled_from(METHODS), st.sampled_from([0.05, 0.2, 0.5, 0.9]))
def test_equals_the_definition(seed: int, method: str, strength: float) -> None:
    assert run(seed, method, strength, 8) == naive(seed, method, strength, 8)


@settings(deadline=None, max_examples=20)
@given(SEEDS, st.sampled_from([(0.0, 1.0), (0.3, 0.4), (0.5, 0.5)]))
def test_weighted_with_novelty_equals_the_definition(seed: int, weights: tuple[float, float]) -> None:
    assert run(seed, "weighted", weights[0], 8, weights[1]) == naive(
        seed, "weighted", weights[0], 8, weights[1]
    )


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.sampled_from([0.1, 0.5, 0.8]))
def test_mmr_equals_pyversity(seed: int, strength: float) -> None:
    lists, traits, _, users = case(seed)
    found = run(seed, "mmr", strength)
    for user in users[:-1]:
        score = lists.scores[user] - lists.scores[user].min()
        picked = pyversity.mmr(traits.vectors[lists.items[user]], score / score.max(), 6, strength)
        assert found[user] == lists.items[user][picked.indices].tolist()


@settings(deadline=None, max_examples=30)
@given(SEEDS, st.sampled_from([0.2, 0.5, 0.8]))
def test_dpp_equals_pyversity(seed: int, strength: float) -> None:
    """Pyversity's kernel is exp(beta z_i) S_ij exp(beta z_j) with z-scores, and beta = (1 - diversity) * scale."""
    lists, traits, past, users = case(seed)
    vectors = traits.vectors.copy()
    vectors[::9] = vectors[1::9][: len(vectors[::9])]  # it has no place for items without a vector
    found = rerank.rerank(
        lists, traits._replace(vectors=vectors), past, users, 6, options("dpp", strength)
    ).items
    for user in users[:-1]:
        score = lists.scores[user]
        beta = (1 - strength) / (2 * strength) * score.std() / np.ptp(score)
        picked = pyversity.dpp(vectors[lists.items[user]], score, 6, 0.5, scale=2 * beta)
        assert found[user].tolist() == lists.items[user][picked.indices].tolist()


@settings(deadline=None)
@given(SEEDS, st.sampled_from(METHODS), st.integers(1, 25))
def test_strength_0_is_the_input(seed: int, method: str, k: int) -> None:
    lists, traits, past, users = case(seed)
    same = rerank.rerank(lists, traits, past, users, k, options(method, 0))
    width = min(k, 20)
    assert np.array_equal(same.items[:, :width], lists.items[:, :k])
    assert np.array_equal(same.scores[:, :width], lists.scores[:, :k])
    assert (same.items[:, width:] == -1).all() and (same.scores[:, width:] == -np.inf).all()


@settings(deadline=None)
@given(SEEDS, st.sampled_from(METHODS), st.floats(0, 1), st.integers(1, 25))
def test_a_choice_of_the_candidates_without_duplicates(
    seed: int, method: str, strength: float, k: int
) -> None:
    lists, traits, past, users = case(seed)
    found = rerank.rerank(lists, traits, past, users, k, options(method, strength))
    for user in users:
        candidates = dict(zip(lists.items[user].tolist(), lists.scores[user].tolist(), strict=True))
        candidates.pop(-1, None)
        items = [item for item in found.items[user].tolist() if item >= 0]
        assert len(items) == len(set(items)) == min(k, len(candidates)) and set(items) <= set(candidates)
        assert found.scores[user][: len(items)].tolist() == [candidates[item] for item in items]
        assert (found.items[user][len(items) :] == -1).all()


def clustered(vectors: np.ndarray) -> np.ndarray:
    """Drawn towards eight centres, as vectors of pictures and texts are."""
    near = vectors / 3 + np.eye(8, dtype=np.float32)[np.arange(len(vectors)) % 8]
    return near / np.linalg.norm(near, axis=1, keepdims=True)


@pytest.mark.parametrize("method", ["weighted", "mmr", "dpp"])
def test_diversity_does_not_fall_with_strength_on_average(method: str) -> None:
    lists, traits, past, users = case(3, users=300)
    traits = traits._replace(vectors=clustered(traits.vectors))
    found = [
        np.nanmean(
            diversity.intra_list(
                rerank.rerank(lists, traits, past, users, 6, options(method, strength)).items,
                traits.vectors,
                [6],
            )
        )
        for strength in (0, 0.2, 0.4, 0.6, 0.8)
    ]
    assert (np.diff(found) > -1e-3).all() and found[-1] > found[0] + 0.05


def test_calibration_brings_the_list_closer_to_the_past() -> None:
    lists, traits, past, users = case(3, users=300)
    known = traits.categories.toarray()
    share = known / np.maximum(known.sum(1, keepdims=True), 1)

    def apart(strength: float) -> float:
        items = rerank.rerank(lists, traits, past, users, 6, options("calibrated", strength)).items
        return float(
            np.mean([np.abs(share[items[u]].mean(0) - share[past[u]].mean(0)).sum() for u in users[:-1]])
        )

    found = [apart(strength) for strength in (0, 0.2, 0.5, 0.9)]
    assert (np.diff(found) < 1e-3).all() and found[-1] < 0.6 * found[0]


UNIT = np.array([[1, 0], [1, 0], [0, 1], [-1, 0]], np.float32)
TRAITS = RerankFeatures(
    UNIT, np.array([0.0, 0, 0, 1]), csr_array(np.array([[1, 0], [1, 0], [0, 1], [0, 0]], bool))
)
FOUR = Lists(np.array([[0, 1, 2, 3]]), np.array([[1, 0.9, 0.5, 0]], np.float32))
ONE_EACH = Histories(np.array([0, 2]), np.array([0, 2]))


@pytest.mark.parametrize(
    ("method", "strength", "novelty", "expected"),
    [
        ("weighted", 0.3, 0, [0, 2, 1, 3]),  # .35 + .3 beats .63 and .6; then .63 + .15 beats .45
        ("weighted", 0.4, 0, [0, 3, 1, 2]),  # .8 beats .54 and .3 + .4; then .54 + .4 beats .7
        ("mmr", 0.3, 0, [0, 2, 1, 3]),  # .35 beats .63 - .3; then .33 beats 0
        ("mmr", 0.2, 0, [0, 1, 2, 3]),  # .72 - .2 beats .4
        ("dpp", 0.1, 0, [0, 2, 1, 3]),  # item 1 is in the span of item 0
        ("calibrated", 0.2, 0, [0, 2, 1, 3]),  # KL falls from .5 ln 50 - ... to 0 with item 2
        ("weighted", 0, 1, [3, 0, 1, 2]),
    ],
)
def test_by_hand(method: str, strength: float, novelty: float, expected: list[int]) -> None:
    found = rerank.rerank(FOUR, TRAITS, ONE_EACH, np.array([0]), 4, options(method, strength, novelty))
    assert found.items.tolist() == [expected]


@pytest.mark.parametrize("method", METHODS)
def test_who_else_is_asked_and_how_many_at_once_do_not_matter(method: str, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    lists, traits, past, users = case(5, users=40)
    whole = rerank.rerank(lists, traits, past, users, 6, options(method, 0.4)).items
    monkeypatch.setattr(rerank, "VALUES", 1)
    order = np.random.default_rng(0).permutation(users)
    some = Lists(lists.items[order], lists.scores[order])
    assert np.array_equal(
        rerank.rerank(some, traits, past, order, 6, options(method, 0.4)).items, whole[order]
    )


@settings(deadline=None, max_examples=20)
@given(SEEDS)
def test_variants_at_once_are_those_one_by_one(seed: int) -> None:
    """At once cosines of all pairs of candidates are computed, one by one only those to what is picked."""
    lists, traits, past, users = case(seed)
    each = [options(method, strength) for method in ["none", *METHODS] for strength in (0.0, 0.3, 0.8)]
    for one, found in zip(each, rerank.variants(lists, traits, past, users, 6, each), strict=True):
        alone = rerank.rerank(lists, traits, past, users, 6, one)
        assert np.array_equal(found.items, alone.items) and np.array_equal(found.scores, alone.scores)


def test_cosines_of_all_pairs_where_that_is_less_work() -> None:
    lists, traits, _, _ = case(0)
    candidates, position = torch.from_numpy(lists.items).clamp(min=0), torch.tensor([3, 0, 19, 7])
    few, many = (Similarity(candidates, traits.vectors, picks) for picks in (19, 20))
    assert few.pairs is None and many.pairs is not None
    torch.testing.assert_close(few.to(position), many.to(position))


def test_what_the_traits_allow() -> None:
    bare = RerankFeatures(np.zeros((4, 0), np.float32), TRAITS.novelty, csr_array((4, 0), dtype=bool))
    assert rerank.usable(bare) == ["none"]
    assert rerank.usable(TRAITS) == ["none", *METHODS]
    for method, what in [("mmr", "vectors"), ("calibrated", "categories")]:
        with pytest.raises(UserError, match=f"rerank.method: {method} needs .*{what}"):
            rerank.rerank(FOUR, bare, ONE_EACH, np.array([0]), 2, options(method, 0.5))
    with pytest.raises(ValueError, match="past"):
        rerank.rerank(FOUR, TRAITS, None, np.array([0]), 2, options("calibrated", 0.5))
    found = rerank.rerank(FOUR, bare, None, np.array([0]), 2, options("none", 0.5))
    assert found.items.tolist() == [[0, 1]]


@pytest.mark.parametrize("method", ["none", *METHODS])
def test_nobody(method: str) -> None:
    empty = Lists(np.zeros((0, 20), np.int64), np.zeros((0, 20), np.float32))
    past = Histories(np.array([0]), np.zeros(0, np.int64))
    assert rerank.rerank(
        empty, TRAITS, past, np.array([], np.int64), 3, options(method, 0.5)
    ).items.shape == (0, 3)


def test_weights_of_more_than_1_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 1"):
        options("weighted", 0.7, 0.4)
    options("mmr", 0.7, 0.4)
