"""The proof that holds for every strategy."""

import numpy as np
import pytest

from fusionrec.data import leakage
from fusionrec.data.split_labels import FOLD_IN, TEST, VAL, Log

from .strategies.common import LOG, labels


def test_labels_must_be_complete_and_known() -> None:
    split = labels(LOG, "simple_random")
    with pytest.raises(AssertionError, match="not every interaction"):
        leakage.check(split[:-1], LOG, folds_in=False)
    split[0] = 4
    with pytest.raises(AssertionError, match="none of train, val, test, fold_in"):
        leakage.check(split, LOG, folds_in=False)


@pytest.mark.parametrize("strategy", ["leave_one_out", "simple_random"])
def test_only_strategies_that_say_so_fold_in(strategy: str) -> None:
    split = labels(LOG, strategy)
    split[0] = FOLD_IN
    with pytest.raises(AssertionError, match="folds in, but does not say so"):
        leakage.check(split, LOG, folds_in=False)
    leakage.check(split, LOG, folds_in=True)


def test_a_pair_that_occurs_twice_could_be_in_two_parts() -> None:
    user, item, timestamp = (
        np.concatenate([column[:1], column]) for column in (LOG.user, LOG.item, LOG.timestamp)
    )
    twice = Log(user, item, timestamp)
    split = np.zeros(len(twice.user), np.int8)
    split[:2] = VAL, TEST
    with pytest.raises(AssertionError, match="a pair is in the log twice"):
        leakage.check(split, twice, folds_in=False)
