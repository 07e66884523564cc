"""stratified by hand, and its distribution."""

import numpy as np
import pytest

from fusionrec.data import strategies
from fusionrec.data.split_labels import TEST, TRAIN, VAL
from fusionrec.errors import ProofError

from .common import LOG, assert_leak_is_found, given, grid, labels, log, rng
from .harms import whole_user_to_test


def test_takes_its_share_of_each_user() -> None:
    whole = log([*zip([0] * 20, range(20), range(20), strict=True), (1, 0, 0), (1, 1, 1)])
    split = labels(whole, "stratified", val_fraction=0.2, test_fraction=0.1)
    assert np.bincount(split[:20]).tolist() == [14, 4, 2] and split[20:].tolist() == [TRAIN, TRAIN]


def test_draws_uniformly() -> None:
    split = labels(grid(3000, 10), "stratified", val_fraction=0.2, test_fraction=0.1).reshape(3000, 10)
    assert (split == VAL).mean(0) == pytest.approx(0.2, abs=0.03)
    assert (split == TEST).mean(0) == pytest.approx(0.1, abs=0.03)
    other = labels(grid(3000, 10), "stratified", seed=2, val_fraction=0.2, test_fraction=0.1)
    assert (other.reshape(3000, 10) != split).any()


def test_leaks_are_found() -> None:
    assert_leak_is_found("stratified", whole_user_to_test, "every evaluated user has a train interaction")


def test_users_with_too_few_interactions_are_never_evaluated() -> None:
    strategy = strategies.load("stratified")
    split = strategy.label(given(LOG, "stratified"), rng())
    with pytest.raises(ProofError, match="every evaluated user has at least 21 interactions"):
        strategy.check(split, given(LOG, "stratified", min_interactions=21))
