"""mixed by hand."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data.split_labels import FOLD_IN, TEST, TRAIN, VAL, Log

from .common import LOG, LOGS, Harm, assert_leak_is_found, first, grid, labels, relabel

TENTHS: dict[str, Any] = {"val_fraction": 0.1, "test_fraction": 0.1}


def test_by_hand() -> None:
    """20 users x 20 items: 2 + 2 cold users and 2 + 2 cold items; 16 warm items for each of 20 users."""
    own = {"cold_users": 0.2, "cold_items": 0.2, "fold_in": 0.5}
    split = labels(grid(20, 20), "mixed", own, **TENTHS).reshape(20, 20)
    warm_users, warm_items = (split == TRAIN).any(1), (split == TRAIN).any(0)
    assert warm_users.sum() == warm_items.sum() == 16
    warm = split[warm_users][:, warm_items]
    assert ((warm == VAL).sum(1) == 2).all() and ((warm == TEST).sum(1) == 2).all()
    cold_items = split[warm_users][:, ~warm_items]
    assert (cold_items == cold_items[0]).all() and sorted(cold_items[0]) == [VAL, VAL, TEST, TEST]
    cold_users = split[~warm_users][:, warm_items]
    assert (cold_users[:, :8] == FOLD_IN).all() and sorted(cold_users[:, 8:].tolist()) == [
        [VAL] * 8, [VAL] * 8, [TEST] * 8, [TEST] * 8
    ]  # fmt: skip
    both = split[~warm_users][:, ~warm_items]
    user_part, item_part = cold_users[:, -1:], cold_items[:1]
    assert (both == np.where(user_part == item_part, item_part, FOLD_IN)).all()


def test_without_cold_users_there_is_no_fold_in() -> None:
    own = {"cold_users": 0.0, "cold_items": 0.2, "fold_in": 0.5}
    assert not (labels(grid(20, 20), "mixed", own, **TENTHS) == FOLD_IN).any()


def test_the_seed_matters() -> None:
    assert (labels(LOG, "mixed") != labels(LOG, "mixed", seed=2)).any()


@given(LOGS, st.integers(0, 5))
def test_warm_items_stay_in_train(whole: Log, seed: int) -> None:
    own = {"cold_users": 0.0, "cold_items": 0.0, "fold_in": 0.5}
    split = labels(whole, "mixed", own, seed, val_fraction=0.4, test_fraction=0.4)
    assert set(whole.item.tolist()) == set(whole.item[split == TRAIN].tolist())


def cold_item_to(label: int, of_cold_users: bool) -> Harm:
    """An interaction with a cold item of the test part gets another label."""

    def harm(split: np.ndarray) -> None:
        warm = np.isin(LOG.user, LOG.user[split == TRAIN])
        known = np.isin(LOG.item, LOG.item[split == TRAIN])
        chosen = ~known & (split == TEST) & (warm != of_cold_users)
        split[first(chosen, True)] = label

    return harm


def cold_user_to(label: int) -> Harm:
    """An interaction of a cold user of the test part gets another label."""

    def harm(split: np.ndarray) -> None:
        cold = ~np.isin(LOG.user, LOG.user[split == TRAIN])
        split[first(cold & (split == TEST), True)] = label

    return harm


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (relabel(TRAIN, FOLD_IN), "no user of train has fold-in interactions"),
        (cold_item_to(VAL, of_cold_users=False), "no cold item is in two parts"),
        (
            cold_item_to(FOLD_IN, of_cold_users=True),
            "no cold item of .* is folded in where it is to be predicted",
        ),
        (cold_user_to(VAL), "no cold user is in two parts"),
        (cold_user_to(TRAIN), "no user of train has fold-in interactions"),
    ],
)
def test_leaks_are_found(harm: Harm, message: str) -> None:
    assert_leak_is_found("mixed", harm, message, {"cold_users": 0.3, "cold_items": 0.3})
