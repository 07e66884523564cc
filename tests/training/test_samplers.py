"""Negatives are none of a user's items, and follow the distribution that was asked for."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import chisquare

from fusionrec.data.histories import Histories
from fusionrec.training.options import Negatives
from fusionrec.training.samplers import Sampler, _pick

USERS, ITEMS = 300, 80
EXPONENTS = {"uniform": 0.0, "popularity": 0.75, "popularity_inverse": -0.75}


def histories(pairs: list[tuple[int, int]], users: int) -> Histories:
    return Histories.of(pd.DataFrame(pairs, columns=["user", "item"]).assign(timestamp=0), users)


def skewed(users: int = USERS, items: int = ITEMS, count: int = 4000) -> Histories:
    draw = np.random.default_rng(0)
    share = 1 / np.arange(1, items + 1)
    item = np.concatenate([np.arange(items), draw.choice(items, count, p=share / share.sum())])
    pairs = set(zip(draw.integers(0, users - 1, len(item)).tolist(), item.tolist(), strict=True))
    return histories(sorted(pairs), users)  # the last user has no history


def negatives(strategy: str, ratio: int = 8, alpha: float = 0.75) -> Negatives:
    return Negatives.model_validate({"strategy": strategy, "ratio": ratio, "alpha": alpha})


def keys(train: Histories) -> np.ndarray:
    return np.repeat(np.arange(len(train)), train.counts) * ITEMS + train.items


def test_never_a_positive_in_ten_million_draws() -> None:
    train = skewed()
    sampler = Sampler(train, np.arange(ITEMS), negatives("popularity", ratio=100))
    users = np.random.default_rng(1).integers(0, USERS, 100_000)
    drawn, valid = sampler.draw(users, np.random.default_rng(2))
    assert drawn.shape == (100_000, 100) and valid.all()
    chosen = np.zeros(USERS * ITEMS, bool)
    chosen[keys(train)] = True
    assert not chosen[users[:, None] * ITEMS + drawn].any()


@pytest.mark.parametrize("strategy", EXPONENTS)
def test_goodness_of_fit(strategy: str) -> None:
    """For a user without a history over all items; for others over what is left, by the same weights."""
    train = skewed()
    weight = np.bincount(train.items, minlength=ITEMS) ** EXPONENTS[strategy]
    sampler = Sampler(train, np.arange(ITEMS), negatives(strategy, ratio=200_000))
    for user in (USERS - 1, 0, int(train.counts.argmax())):
        left = np.setdiff1d(np.arange(ITEMS), train[user])
        drawn, _ = sampler.draw(np.array([user]), np.random.default_rng(3))
        seen = np.bincount(drawn[0], minlength=ITEMS)
        assert seen[left].sum() == 200_000
        assert chisquare(seen[left], 200_000 * weight[left] / weight[left].sum()).pvalue > 0.001


@pytest.mark.parametrize("strategy", EXPONENTS)
def test_logq_is_the_log_of_the_expected_count(strategy: str) -> None:
    train, ratio = skewed(), 50
    sampler = Sampler(train, np.arange(ITEMS), negatives(strategy, ratio))
    logq = sampler.logq(np.arange(ITEMS).reshape(2, -1))
    assert logq.dtype == np.float32 and logq.shape == (2, ITEMS // 2)
    assert np.exp(logq).sum() == pytest.approx(ratio)
    drawn, _ = sampler.draw(np.full(20_000, USERS - 1), np.random.default_rng(4))
    mean = np.bincount(drawn.ravel(), minlength=ITEMS) / 20_000
    np.testing.assert_allclose(np.exp(logq.ravel()), mean, rtol=0.05, atol=0.005)
    assert np.exp(sampler.logq(np.arange(ITEMS), draws=3)).sum() == pytest.approx(3)


def test_logq_in_batch_is_the_share_of_train() -> None:
    train = histories([(0, 0), (1, 0), (2, 0), (2, 2)], 3)
    sampler = Sampler(train, np.array([0, 2]), negatives("in_batch", alpha=0.3))
    assert np.exp(sampler.logq(np.array([0, 2, 1]), draws=100)) == pytest.approx([75, 25, 0])


def test_only_items_from_the_list() -> None:
    train = histories([(0, 2), (0, 7)], 1)
    drawn, valid = Sampler(train, np.array([2, 5]), negatives("uniform", 50)).draw(
        np.array([0]), np.random.default_rng(0)
    )
    assert set(drawn.ravel()) == {5} and valid.all()


@pytest.mark.parametrize("strategy", EXPONENTS)
def test_a_user_with_every_item_has_no_negative(strategy: str) -> None:
    """Items outside the list, and choosing twice, count for nothing."""
    train = histories([(0, 0), (0, 1), (1, 0), (1, 4), (1, 0)], 2)
    _, valid = Sampler(train, np.arange(2), negatives(strategy, 3)).draw(
        np.array([0, 1, 0]), np.random.default_rng(0)
    )
    assert valid.tolist() == [[False] * 3, [True] * 3, [False] * 3]


def test_a_user_with_almost_every_item_still_gets_the_right_ones() -> None:
    """Rejection alone would need some 10 ** 8 rounds: what is left has a share of 10 ** -8."""
    train = histories(
        [(u, i) for u in range(100) for i in range(10)] + [(101, 10), (101, 11), (102, 11)], 103
    )
    sampler = Sampler(train, np.arange(12), negatives("popularity", ratio=30_000, alpha=4))
    drawn, valid = sampler.draw(np.array([5, 102, 6]), np.random.default_rng(0))
    assert valid.all() and set(drawn[1]) <= set(range(11))
    assert set(drawn[0]) == set(drawn[2]) == {10, 11}
    assert chisquare(np.bincount(drawn[0] - 10), np.array([1, 16]) / 17 * 30_000).pvalue > 0.001


def test_users_with_almost_every_item_do_not_get_the_items_of_others() -> None:
    """In the same batch, so that the exact draws of one follow those of the other."""
    count, left = 3000, {0: 7, 1: 2999}
    train = histories([(user, item) for user in left for item in range(count) if item != left[user]], 2)
    sampler = Sampler(train, np.arange(count), negatives("uniform", ratio=4))
    drawn, valid = sampler.draw(np.array([1, 0, 1]), np.random.default_rng(0))
    assert valid.all() and drawn.tolist() == [[2999] * 4, [7] * 4, [2999] * 4]


def test_items_without_a_train_interaction_may_be_drawn() -> None:
    sampler = Sampler(histories([(0, 0)], 2), np.array([0, 5]), negatives("popularity"))
    drawn, valid = sampler.draw(np.array([0, 1]), np.random.default_rng(0))
    assert valid.all() and set(drawn[0]) == {5} and set(drawn[1]) == {0, 5}


def test_the_smallest_random_number_does_not_pick_an_item_of_weight_zero() -> None:
    assert _pick(np.array([4, 6]), np.array([0.0, 1.0]), np.array([0.0])).tolist() == [6]


def test_in_batch_by_hand() -> None:
    train = histories([(0, 1), (0, 2), (1, 3), (2, 2), (2, 9)], 4)
    sampler = Sampler(train, np.array([1, 2, 3, 9]), negatives("in_batch"))
    drawn, valid = sampler.in_batch(np.array([1, 3, 2, 2]), np.array([0, 1, 2, 0]))
    assert drawn.tolist() == [[1, 3, 2, 2]] * 4
    assert valid.tolist() == [
        [False, True, False, False],  # user 0 chose 1 and 2
        [True, False, True, True],
        [True, True, False, False],  # the own target, twice
        [False, True, False, False],
    ]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40))
def test_in_batch_never_takes_a_positive(seed: int, count: int) -> None:
    train, draw = skewed(), np.random.default_rng(seed)
    place = draw.integers(0, len(train.items), count)
    users = np.searchsorted(train.offsets, place, side="right") - 1
    drawn, valid = Sampler(train, np.arange(ITEMS), negatives("in_batch")).in_batch(train.items[place], users)
    assert (valid == ~np.isin(users[:, None] * ITEMS + drawn, keys(train))).all()


def test_a_target_outside_the_history_is_not_its_own_negative() -> None:
    """Such as one that was hidden from the histories."""
    sampler = Sampler(histories([(0, 0), (1, 1)], 2), np.arange(2), negatives("in_batch"))
    _, valid = sampler.in_batch(np.array([1, 0]), np.array([0, 1]))
    assert not valid.any()


def test_the_generator_decides_everything() -> None:
    sampler, users = Sampler(skewed(), np.arange(ITEMS), negatives("popularity")), np.arange(USERS)
    one, two, other = (sampler.draw(users, np.random.default_rng(seed))[0] for seed in (1, 1, 2))
    assert (one == two).all() and (one != other).any()
