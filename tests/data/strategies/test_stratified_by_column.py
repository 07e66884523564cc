"""stratified_by_column: groups by hand."""

import numpy as np
import pytest

from fusionrec.data.split_labels import TEST, Log
from fusionrec.data.strategies.stratified_by_column import BINS, groups
from fusionrec.errors import UserError

from .common import ITEMS, LOG, assert_leak_is_found, grid, labels, log


def test_groups_by_hand() -> None:
    once = Log(np.arange(20, dtype=np.int32) // 4, np.arange(20, dtype=np.int32), np.zeros(20, np.int64))
    assert groups("user_id", once, ITEMS).tolist() == once.user.tolist()
    assert groups("item_id", once, ITEMS).tolist() == once.item.tolist()
    tags = groups("category_tag", once, ITEMS)
    assert tags[:4].tolist() == [2, 2, 1, 0], "a set has no order"
    years = groups("number_year", once, ITEMS)
    assert years[0] == BINS and np.bincount(years[1:]).tolist() == [2, 2, 2, 2, 1, 2, 2, 2, 2, 2]
    lacking = ITEMS.assign(number_year=np.nan)
    assert set(groups("number_year", once, lacking)) == {BINS}


@pytest.mark.parametrize("column", ["title", "genre", "timestamp"])
def test_an_unknown_column_names_the_known_ones(column: str) -> None:
    message = (
        f"splits.stratified_by_column.column={column}: no such column; use one of user_id, item_id, "
        "category_tag, number_year"
    )
    with pytest.raises(UserError, match=message):
        labels(log([(0, 1, 1)]), "stratified_by_column", {"column": column})


def test_rare_values_stay_in_train() -> None:
    whole = log([(user, item, 0) for item, users in ((0, 2), (1, 1), (2, 9)) for user in range(users)])
    split = labels(whole, "stratified_by_column", {"column": "item_id"})
    assert np.bincount(split[whole.item == 2]).tolist() == [5, 2, 2] and not split[whole.item != 2].any()


def test_the_seed_matters() -> None:
    one, two = (labels(grid(9, 9), "stratified_by_column", {"column": "item_id"}, seed) for seed in (1, 2))
    assert (one != two).any()


def test_leaks_are_found() -> None:
    def whole_item_to_test(split: np.ndarray) -> None:
        split[LOG.item == 0] = TEST

    message = "every evaluated value of item_id has a train interaction"
    assert_leak_is_found("stratified_by_column", whole_item_to_test, message, {"column": "item_id"})
