"""Validation metrics of the model card."""

import numpy as np
import pytest

from fusionrec.data.histories import Histories
from fusionrec.evaluation import validation_intervals
from fusionrec.evaluation.validation import validator
from fusionrec.models.fixed_scores import FixedScores

USERS, ITEMS = 240, 12
RNG = np.random.default_rng(0)
PAST = Histories(np.arange(USERS + 1), RNG.integers(0, 4, USERS))
ASKED = USERS - 5  # the last five users have no validation item
HELD_OUT = Histories(np.minimum(np.arange(USERS + 1), ASKED), RNG.integers(4, ITEMS, ASKED))
SCORES = RNG.standard_normal((USERS, ITEMS)).astype(np.float32)


def test_means_are_those_that_training_monitors() -> None:
    by_metric = validation_intervals.measure(FixedScores(SCORES), PAST, HELD_OUT, ITEMS, 3)
    assert list(by_metric) == ["ndcg@3", "recall@3", "hit_rate@3"]
    monitored = validator(PAST, HELD_OUT, PAST, ITEMS, "hit_rate@3")(FixedScores(SCORES))
    for name, ends in by_metric.items():
        assert ends["mean"] == pytest.approx(monitored[name], abs=1e-6)
        assert ends["low"] < ends["mean"] < ends["high"] and ends["users"] == ASKED


def test_of_a_sample_those_users_are_measured_who_are_monitored() -> None:
    by_metric = validation_intervals.measure(FixedScores(SCORES), PAST, HELD_OUT, ITEMS, 3, sample=50)
    ends = by_metric["ndcg@3"]
    monitored = validator(PAST, HELD_OUT, PAST, ITEMS, "ndcg@3", sample=50)(FixedScores(SCORES))
    assert ends["users"] == 50 and ends["mean"] == pytest.approx(monitored["ndcg@3"], abs=1e-6)


def test_a_perfect_model_has_no_interval() -> None:
    scores = np.zeros((USERS, ITEMS), np.float32)
    scores[np.arange(ASKED), HELD_OUT.items] = 1
    for ends in validation_intervals.measure(FixedScores(scores), PAST, HELD_OUT, ITEMS, 3).values():
        assert ends == {"mean": 1, "low": None, "high": None, "users": ASKED}
