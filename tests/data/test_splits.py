"""Splits: by hand, then as properties."""

from random import Random

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec import params
from fusionrec.data import splits
from fusionrec.errors import UserError

LOO = params.Splits(
    strategy="leave_one_out", val_fraction=0.1, test_fraction=0.1, scaling="none", min_category_items=1
)
TEMPORAL = LOO.model_copy(update={"strategy": "temporal", "val_fraction": 0.2, "test_fraction": 0.2})


def log(rows: list[tuple[int, int, int]]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user", "item", "timestamp"])


def rows(part: pd.DataFrame) -> list[tuple[int, int, int]]:
    return list(part.itertuples(index=False, name=None))


def test_leave_one_out_by_hand() -> None:
    whole = log([(0, 5, 30), (0, 6, 10), (0, 7, 20), (0, 8, 40), (1, 5, 1), (1, 6, 2)])
    parts = splits.split(whole, LOO)
    assert rows(parts.test) == [(0, 8, 40)]
    assert rows(parts.val) == [(0, 5, 30)]
    assert rows(parts.train) == [(0, 6, 10), (0, 7, 20), (1, 5, 1), (1, 6, 2)], "short histories stay whole"


def test_leave_one_out_breaks_ties_in_time_by_item() -> None:
    parts = splits.split(log([(0, 3, 1), (0, 1, 1), (0, 2, 1)]), LOO)
    assert (rows(parts.train), rows(parts.test)) == ([(0, 1, 1)], [(0, 3, 1)])


def test_temporal_by_hand() -> None:
    whole = log([(i % 2, i, i) for i in range(10)])
    parts = splits.split(whole, TEMPORAL)
    assert sorted(parts.train["item"]) == [0, 1, 2, 3, 4, 5]
    assert sorted(parts.val["item"]) == [6, 7]
    assert sorted(parts.test["item"]) == [8, 9]


def test_temporal_never_cuts_through_a_second() -> None:
    times = [1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    parts = splits.split(log([(0, i, time) for i, time in enumerate(times)]), TEMPORAL)
    assert [set(part["timestamp"]) for part in parts] == [{1}, {2}, {3}]


def test_an_empty_part_is_one_clear_error() -> None:
    with pytest.raises(UserError, match=r"leave_one_out leaves the val part of 2 interactions empty"):
        splits.split(log([(0, 1, 1), (0, 2, 2)]), LOO)


LOGS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 9), st.integers(0, 20)),
    unique_by=lambda row: row[:2],
    min_size=1,
).map(log)


@given(LOGS, st.sampled_from([LOO, TEMPORAL]), st.randoms(use_true_random=False))
def test_complete_disjoint_and_independent_of_row_order(
    whole: pd.DataFrame, options: params.Splits, random: Random
) -> None:
    try:
        parts = splits.split(whole, options)
    except UserError:
        return
    together = [row for part in parts for row in rows(part)]
    assert sorted(together) == sorted(rows(whole)), "complete"
    assert len({row[:2] for row in together}) == len(together), "disjoint"
    order = random.sample(range(len(whole)), len(whole))
    for part, again in zip(parts, splits.split(whole.iloc[order], options), strict=True):
        pd.testing.assert_frame_equal(part, again)


def test_check_finds_leaks() -> None:
    whole = log([(0, item, item) for item in range(6)])
    good = splits.temporal(whole, 0.2, 0.2)
    with pytest.raises(AssertionError):
        splits.check(good._replace(train=whole), whole, "temporal")
    with pytest.raises(AssertionError):
        splits.check(splits.Split(good.test, good.val, good.train), whole, "temporal")
    with pytest.raises(AssertionError):
        splits.check(splits.Split(good.test, good.val, good.train), whole, "leave_one_out")


def test_index_and_summary() -> None:
    items = pd.DataFrame({"item_id": ["a", "b", "c"]})
    interactions = pd.DataFrame({"user_id": ["y", "x"], "item_id": ["c", "a"], "timestamp": [1, 2]})
    whole, users = splits.index(interactions, items)
    assert users == ["x", "y"] and rows(whole) == [(1, 2, 1), (0, 0, 2)]
    parts = splits.Split(log([(0, 0, 1)]), log([(0, 1, 2)]), log([(0, 2, 3), (1, 0, 3)]))
    counts = splits.summary(parts, 2, items["item_id"].eq("a").to_numpy())
    assert counts["items_without_train"] == 2
    assert counts["test"] == {
        "interactions": 2, "users": 2, "items": 2, "on_items_without_train": 1, "on_items_without_picture": 1
    }  # fmt: skip
