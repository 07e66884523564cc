"""Rows are rejected once, with the first reason that applied."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data.rejections import FilteredTable, remedy


def catalogue(rows: int) -> FilteredTable[pd.DataFrame]:
    names = [f"i{row}" for row in range(rows)]
    return FilteredTable(
        "items", pd.DataFrame({"row": np.arange(1, rows + 1), "item_id": names, "price": names})
    )


def test_the_first_reason_stays() -> None:
    items = catalogue(4)
    items.reject(np.array([True, False, True, False]), "first", "price")
    items.reject(np.array([True, True, False, False]), "second")
    assert items.kept.tolist() == [False, False, False, True]
    assert items.counts() == {"in": 4, "kept": 1, "rejected_first": 2, "rejected_second": 1}
    left = items.rejected().astype(object).where(lambda table: table.notna(), None)
    assert left.to_numpy().tolist() == [
        ["items", 1, None, "i0", "first", "i0"],
        ["items", 2, None, "i1", "second", None],
        ["items", 3, None, "i2", "first", "i2"],
    ]


def test_one_reason_in_several_steps_is_counted_together() -> None:
    items = catalogue(3)
    for row in (0, 2):
        items.reject(np.arange(3) == row, "rare")
    assert items.counts() == {"in": 3, "kept": 1, "rejected_rare": 2}


def test_nothing_rejected_is_an_empty_table_of_the_same_columns() -> None:
    untouched, touched = catalogue(2), catalogue(2)
    touched.reject(np.array([True, False]), "bad")
    assert untouched.rejected().empty
    assert untouched.rejected().dtypes.to_dict() == touched.rejected().dtypes.to_dict()


def test_a_huge_value_is_cut_in_the_report() -> None:
    items = catalogue(1)
    items.rows["price"] = "9" * 1_000_000
    items.reject(np.array([True]), "bad", "price")
    assert len(items.rejected()["value"][0]) == 200


@given(st.lists(st.lists(st.booleans(), min_size=5, max_size=5), max_size=6))
def test_every_row_is_kept_or_rejected_once(steps: list[list[bool]]) -> None:
    items = catalogue(5)
    for number, bad in enumerate(steps):
        items.reject(np.array(bad), f"reason{number % 2}")
    assert items.rejected()["row"].is_unique
    assert items.kept.sum() + len(items.rejected()) == 5


@pytest.mark.parametrize(
    ("counts", "helps"),
    [({"in": 9, "rejected_timestamp_after_2099": 5, "rejected_unknown_item": 4}, "interactions_format.time to ms"),
     ({"in": 9, "rejected_rating_is_a_time": 5}, "rating and time are swapped"),
     ({"in": 9, "rejected_below_min_user_interactions": 9}, "lower clean.min_user_interactions"), ({"in": 0}, "lower")],
)  # fmt: skip
def test_the_remedy_is_that_of_the_most_frequent_reason(counts: dict[str, int], helps: str) -> None:
    assert helps in remedy(counts)
