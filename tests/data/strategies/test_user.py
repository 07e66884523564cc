"""user by hand."""

import numpy as np
import pytest

from fusionrec.data.split_labels import FOLD_IN, TEST, TRAIN, VAL

from .common import LOG, Harm, assert_leak_is_found, first, grid, labels, log, relabel

HALF = {"fold_in": 0.5}


def test_holds_out_whole_users_and_folds_the_past_in() -> None:
    whole = log(
        [*zip(np.repeat(range(20), 5).tolist(), [*range(5)] * 20, [*range(5)] * 20, strict=True), (20, 0, 0)]
    )
    split = labels(whole, "user", HALF, val_fraction=0.1, test_fraction=0.2)
    by_user = split[:100].reshape(20, 5)
    assert sorted(set(map(tuple, by_user.tolist()))) == [
        (TRAIN,) * 5, (FOLD_IN, FOLD_IN, FOLD_IN, VAL, VAL), (FOLD_IN, FOLD_IN, FOLD_IN, TEST, TEST)
    ]  # fmt: skip
    assert np.bincount(by_user[:, -1]).tolist() == [14, 2, 4] and split[100] == TRAIN, "user 20 has too few"


@pytest.mark.parametrize(("fold_in", "known"), [(0.0, 0), (0.01, 1), (0.3, 1), (0.5, 2), (0.9, 3)])
def test_fold_in_leaves_one_to_predict(fold_in: float, known: int) -> None:
    split = labels(grid(10, 4), "user", {"fold_in": fold_in}, val_fraction=0.1, test_fraction=0.1)
    held_out = split.reshape(10, 4)[split.reshape(10, 4)[:, -1] != TRAIN]
    assert len(held_out) == 2 and ((held_out == FOLD_IN).sum(1) == known).all()


def test_the_seed_matters() -> None:
    assert (labels(LOG, "user", HALF) != labels(LOG, "user", HALF, seed=2)).any()


def in_test(split: np.ndarray) -> np.ndarray:
    return np.isin(LOG.user, LOG.user[split == TEST])


def predict_what_is_folded_in(split: np.ndarray) -> None:
    split[(split == FOLD_IN) & in_test(split)] = TEST


def predict_nothing(split: np.ndarray) -> None:
    split[(split == TEST) & (LOG.user == LOG.user[first(split, TEST)])] = FOLD_IN


def predict_first_and_fold_in_later(split: np.ndarray) -> None:
    chosen = in_test(split)
    split[chosen] = np.where(split[chosen] == FOLD_IN, TEST, FOLD_IN)


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (relabel(TRAIN, TEST), "no user is in two parts"),
        (relabel(TEST, VAL), "no user is in two parts"),
        (relabel(FOLD_IN, TRAIN), "no user is in two parts"),
        (relabel(TRAIN, FOLD_IN), "no user of train has fold-in interactions"),
        (predict_first_and_fold_in_later, "no later interaction of a user is in an earlier part"),
        (predict_nothing, "every user with a fold-in interaction is held out"),
        (predict_what_is_folded_in, "every held-out user has a fold-in interaction"),
    ],
)
def test_leaks_are_found(harm: Harm, message: str) -> None:
    assert_leak_is_found("user", harm, message, HALF)
