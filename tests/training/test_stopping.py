"""Patience counts epochs since the best one."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.training.stopping import EarlyStopping, better

NUMBERS = st.floats(-10, 10) | st.just(math.nan)


def test_by_hand() -> None:
    stopping = EarlyStopping("max", 2)
    seen = [(stopping.update(value), stopping.stop) for value in (0.1, 0.3, 0.3, 0.4, 0.2, math.nan)]
    assert seen == [
        (True, False),
        (True, False),
        (False, False),
        (True, False),
        (False, False),
        (False, True),
    ]
    assert (stopping.best, stopping.best_epoch, stopping.epoch) == (0.4, 4, 6)


def test_less_is_better() -> None:
    stopping = EarlyStopping("min", 1)
    assert [stopping.update(value) for value in (3.0, 2.0, 2.5)] == [True, True, False]
    assert stopping.stop and stopping.best == 2.0


@pytest.mark.parametrize("direction", ["max", "min"])
def test_nan_is_never_better(direction: str) -> None:
    assert not better(math.nan, None, direction) and not better(math.nan, 0.0, direction)
    stopping = EarlyStopping(direction, 2)
    assert not stopping.update(math.nan) and stopping.best is None and stopping.best_epoch == 0
    assert not stopping.update(math.nan) and stopping.stop
    assert stopping.update(-5.0) and not stopping.stop, "any number is better than none"


@given(st.lists(NUMBERS, min_size=1), st.integers(1, 5), st.integers(0, 20))
def test_an_interruption_changes_nothing(values: list[float], patience: int, cut: int) -> None:
    whole, first, second = (EarlyStopping("max", patience) for _ in range(3))
    seen = [(whole.update(value), whole.stop) for value in values]
    parts = [(first.update(value), first.stop) for value in values[:cut]]
    second.load_state_dict(json.loads(json.dumps(first.state_dict(), allow_nan=False)))
    parts += [(second.update(value), second.stop) for value in values[cut:]]
    assert parts == seen and second.state_dict() == whole.state_dict()


@given(st.lists(NUMBERS, min_size=1))
def test_directions_mirror_each_other(values: list[float]) -> None:
    up, down = EarlyStopping("max", 3), EarlyStopping("min", 3)
    assert [up.update(v) for v in values] == [down.update(-v) for v in values]
    assert up.best_epoch == down.best_epoch
