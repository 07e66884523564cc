"""Each strategy by hand, and against oracles in plain Python and pandas."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import strategies
from fusionrec.data.strategies import FOLD_IN, TEST, TRAIN, VAL, Log

Row = tuple[int, int, int]


def log(rows: list[Row]) -> Log:
    """In canonical order."""
    user, item, timestamp = zip(*sorted(rows, key=lambda row: (row[0], row[2], row[1])), strict=True)
    return Log(np.array(user, np.int32), np.array(item, np.int32), np.array(timestamp, np.int64))


def grid(users: int, items: int) -> Log:
    """Everybody chose everything, one item a second."""
    return log([(user, item, item) for user in range(users) for item in range(items)])


def rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def part(whole: Log, labels: np.ndarray, label: int) -> list[Row]:
    chosen = labels == label
    return list(zip(*(column[chosen].tolist() for column in whole), strict=True))


LOGS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 20)),
    unique_by=lambda row: row[:2],
    min_size=3,
).map(log)
FRACTIONS = st.tuples(st.floats(0.01, 0.49), st.floats(0.01, 0.49))


@pytest.mark.parametrize(
    ("count", "val", "test", "expected"),
    [
        (10, 0.1, 0.1, (1, 1)),
        (3, 0.1, 0.1, (1, 1)),  # at least one
        (2, 0.1, 0.1, (0, 0)),  # below 3
        (15, 0.1, 0.1, (2, 2)),  # 1.5 is rounded up
        (14, 0.1, 0.1, (1, 1)),
        (10, 0.0, 0.2, (0, 2)),
        (4, 0.5, 0.49, (1, 2)),  # one is left to train
        (3, 0.05, 0.9, (1, 1)),  # test leaves one to validation
    ],
)
def test_portions_by_hand(count: int, val: float, test: float, expected: tuple[int, int]) -> None:
    found = strategies.portions(np.array([count]), val, test)
    assert (found[0].item(), found[1].item()) == expected


@given(st.integers(0, 1000), FRACTIONS)
def test_portions_leave_something_to_everybody(count: int, fractions: tuple[float, float]) -> None:
    val, test = (int(n) for n in strategies.portions(np.array(count), *fractions))
    if count < 3:
        assert (val, test) == (0, 0)
    else:
        assert val >= 1 and test >= 1 and val + test < count
        assert test == min(max(math.floor(count * fractions[1] + 0.5), 1), count - 2)


def test_leave_one_out_latest_by_hand() -> None:
    whole = log([(0, 5, 30), (0, 6, 10), (0, 7, 20), (0, 8, 40), (1, 5, 1), (1, 6, 2)])
    labels = strategies.leave_one_out(whole, "latest", 3, rng())
    assert part(whole, labels, TEST) == [(0, 8, 40)]
    assert part(whole, labels, VAL) == [(0, 5, 30)]
    assert part(whole, labels, TRAIN) == [(0, 6, 10), (0, 7, 20), (1, 5, 1), (1, 6, 2)], "short ones stay"


def test_leave_one_out_breaks_ties_in_time_by_item() -> None:
    labels = strategies.leave_one_out(log([(0, 3, 1), (0, 1, 1), (0, 2, 1)]), "latest", 3, rng())
    assert labels.tolist() == [TRAIN, VAL, TEST]


def test_leave_one_out_needs_min_interactions() -> None:
    whole = grid(1, 4)
    assert strategies.leave_one_out(whole, "latest", 5, rng()).tolist() == [TRAIN] * 4


@given(LOGS)
def test_leave_one_out_agrees_with_pandas(whole: Log) -> None:
    frame = pd.DataFrame(whole._asdict()).sort_values(["user", "timestamp", "item"])
    frame = frame[frame.groupby("user")["item"].transform("size") >= 3]
    labels = strategies.leave_one_out(whole, "latest", 3, rng())
    last_two = frame.groupby("user").tail(2)
    assert np.flatnonzero(labels == TEST).tolist() == frame.groupby("user").tail(1).index.tolist()
    assert np.flatnonzero(labels == VAL).tolist() == last_two.groupby("user").head(1).index.tolist()


def test_leave_one_out_at_random_leaves_any_one_out() -> None:
    whole = grid(3000, 5)
    labels = strategies.leave_one_out(whole, "random", 3, rng()).reshape(3000, 5)
    for label in (VAL, TEST):
        assert ((labels == label).sum(1) == 1).all()
        assert (labels == label).mean(0) == pytest.approx(0.2, abs=0.04), "each place as often as another"
    assert (strategies.leave_one_out(whole, "random", 3, rng(2)).reshape(3000, 5) != labels).any()


def test_temporal_by_hand() -> None:
    whole = log([(i % 2, i, i) for i in range(10)])
    labels = strategies.temporal(whole, 0.2, 0.2)
    assert sorted(whole.item[labels == TRAIN]) == [0, 1, 2, 3, 4, 5]
    assert sorted(whole.item[labels == VAL]) == [6, 7]
    assert sorted(whole.item[labels == TEST]) == [8, 9]
    assert strategies.cuts(whole.timestamp, 0.2, 0.2) == (6, 8)


def test_temporal_never_cuts_through_a_second() -> None:
    times = [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    whole = log([(0, i, time) for i, time in enumerate(times)])
    assert strategies.temporal(whole, 0.2, 0.2).tolist() == [0, 0, 0, 1, 1, 1, 1, 2, 2, 2]


@given(LOGS, FRACTIONS)
def test_temporal_agrees_with_sorting(whole: Log, fractions: tuple[float, float]) -> None:
    n, ordered = len(whole.user), sorted(whole.timestamp.tolist())
    test = min(max(math.floor(n * fractions[1] + 0.5), 1), n - 2)
    val = min(max(math.floor(n * fractions[0] + 0.5), 1), n - test - 1)
    test_cut, val_cut = ordered[n - test], ordered[n - test - val]
    expected = [TEST if t >= test_cut else VAL if t >= val_cut else TRAIN for t in whole.timestamp.tolist()]
    assert strategies.temporal(whole, *fractions).tolist() == expected


def test_stratified_takes_its_share_of_everybody() -> None:
    whole = log([*zip([0] * 20, range(20), range(20), strict=True), (1, 0, 0), (1, 1, 1)])
    labels = strategies.stratified(whole, 0.2, 0.1, 3, rng())
    assert np.bincount(labels[:20]).tolist() == [14, 4, 2] and labels[20:].tolist() == [TRAIN, TRAIN]


def test_stratified_draws_uniformly() -> None:
    labels = strategies.stratified(grid(3000, 10), 0.2, 0.1, 3, rng()).reshape(3000, 10)
    assert (labels == VAL).mean(0) == pytest.approx(0.2, abs=0.03)
    assert (labels == TEST).mean(0) == pytest.approx(0.1, abs=0.03)


def test_stratified_temporal_takes_the_latest() -> None:
    whole = log([*((0, 9 - i, i) for i in range(10)), (1, 0, 0), (1, 1, 1), (1, 2, 1)])
    labels = strategies.stratified_temporal(whole, 0.2, 0.3, 4)
    assert labels.tolist() == [TRAIN] * 5 + [VAL] * 2 + [TEST] * 3 + [TRAIN] * 3


@given(LOGS, FRACTIONS, st.integers(3, 5))
def test_stratified_temporal_agrees_with_a_loop(
    whole: Log, fractions: tuple[float, float], least: int
) -> None:
    expected = []
    for user in sorted(set(whole.user.tolist())):
        count = whole.user.tolist().count(user)
        val, test = (int(n) for n in strategies.portions(np.array(count), *fractions, least))
        expected += [TRAIN] * (count - val - test) + [VAL] * val + [TEST] * test
    assert strategies.stratified_temporal(whole, *fractions, least).tolist() == expected


def test_stratified_by_groups_keeps_rare_ones_in_train() -> None:
    group = np.array([2, 0, 2, 2, 1, 2, 0, 2, 2, 2, 2, 2])
    labels = strategies.stratified_by(group, 0.2, 0.2, 3, rng())
    assert np.bincount(labels[group == 2]).tolist() == [5, 2, 2] and not labels[group != 2].any()


def test_simple_random_takes_its_share_of_all() -> None:
    labels = strategies.simple_random(grid(10, 10), 0.1, 0.25, rng())
    assert np.bincount(labels).tolist() == [65, 10, 25]
    assert not (strategies.simple_random(grid(10, 10), 0.1, 0.25, rng(2)) == labels).all()


def test_user_holds_out_whole_users_and_folds_the_past_in() -> None:
    whole = log(
        [*zip(np.repeat(range(20), 5).tolist(), [*range(5)] * 20, [*range(5)] * 20, strict=True), (20, 0, 0)]
    )
    labels = strategies.user(whole, 0.1, 0.2, 3, 0.5, rng())
    sides = labels[:100].reshape(20, 5)
    assert sorted(set(map(tuple, sides.tolist()))) == [
        (TRAIN,) * 5, (FOLD_IN, FOLD_IN, FOLD_IN, VAL, VAL), (FOLD_IN, FOLD_IN, FOLD_IN, TEST, TEST)
    ]  # fmt: skip
    assert np.bincount(sides[:, -1]).tolist() == [14, 2, 4] and labels[100] == TRAIN, "user 20 has too few"


@pytest.mark.parametrize(("fold_in", "known"), [(0.0, 0), (0.01, 1), (0.3, 1), (0.5, 2), (0.9, 3)])
def test_fold_in_leaves_one_to_find(fold_in: float, known: int) -> None:
    labels = strategies.user(grid(10, 4), 0.1, 0.1, 3, fold_in, rng()).reshape(10, 4)
    asked = labels[labels[:, -1] != TRAIN]
    assert len(asked) == 2 and ((asked == FOLD_IN).sum(1) == known).all()


def test_item_holds_out_whole_items() -> None:
    labels = strategies.item(grid(4, 20), 0.1, 0.2, rng()).reshape(4, 20)
    assert (labels == labels[0]).all() and np.bincount(labels[0]).tolist() == [14, 2, 4]


def test_mixed_by_hand() -> None:
    """20 users x 20 items: 2 + 2 cold users and 2 + 2 cold items; 16 warm items for each of 20 users."""
    whole = grid(20, 20)
    labels = strategies.mixed(whole, 0.1, 0.1, 3, 0.2, 0.2, 0.5, rng()).reshape(20, 20)
    warm_users, warm_items = (labels == TRAIN).any(1), (labels == TRAIN).any(0)
    assert warm_users.sum() == warm_items.sum() == 16
    warm = labels[warm_users][:, warm_items]
    assert ((warm == VAL).sum(1) == 2).all() and ((warm == TEST).sum(1) == 2).all()
    cold_items = labels[warm_users][:, ~warm_items]
    assert (cold_items == cold_items[0]).all() and sorted(cold_items[0]) == [VAL, VAL, TEST, TEST]
    cold_users = labels[~warm_users][:, warm_items]
    assert (cold_users[:, :8] == FOLD_IN).all() and sorted(cold_users[:, 8:].tolist()) == [
        [VAL] * 8, [VAL] * 8, [TEST] * 8, [TEST] * 8
    ]  # fmt: skip
    both = labels[~warm_users][:, ~warm_items]
    user_side, item_side = cold_users[:, -1:], cold_items[:1]
    assert (both == np.where(user_side == item_side, item_side, FOLD_IN)).all()


def test_mixed_without_cold_users_is_no_fold_in() -> None:
    labels = strategies.mixed(grid(20, 20), 0.1, 0.1, 3, 0.0, 0.2, 0.5, rng())
    assert not (labels == FOLD_IN).any()


@given(LOGS, st.integers(0, 5))
def test_mixed_leaves_warm_items_in_train(whole: Log, seed: int) -> None:
    labels = strategies.mixed(whole, 0.4, 0.4, 3, 0.0, 0.0, 0.5, rng(seed))
    assert set(whole.item.tolist()) == set(whole.item[labels == TRAIN].tolist())
