"""From tables to parts: by hand, then as properties of every strategy."""

from random import Random
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec import params
from fusionrec.data import splits
from fusionrec.data.strategies import FOLD_IN, PARTS, TEST, TRAIN, VAL, Log
from fusionrec.errors import UserError

OPTIONS = params.Splits(
    seed=1, strategy="leave_one_out", val_fraction=0.2, test_fraction=0.2, min_interactions=3,
    held_out="latest", column="item_id", cold_users=0.3, cold_items=0.3, fold_in=0.5, tail=0.2,
    scaling={"default": "none"}, impute="mean", min_category_items=1,
)  # fmt: skip
STRATEGIES = get_args(params.Splits.model_fields["strategy"].annotation)
ITEMS = pd.DataFrame(
    {
        "item_id": [f"i{item:02}" for item in range(20)],
        "title": "a title",
        "category_tag": [["b", "a"], ["a", "b"], ["a"], []] * 5,
        "number_year": [np.nan, *range(1, 20)],
    }
)


def interactions(rows: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Rows (user, item, timestamp) with the ids u0, i00, ..."""
    users, items, times = zip(*rows, strict=True)
    ids = {"user_id": [f"u{user}" for user in users], "item_id": [f"i{item:02}" for item in items]}
    return pd.DataFrame({**ids, "timestamp": times})


def rows(log: Log) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in log), strict=True))


def split(table: pd.DataFrame, options: params.Splits) -> dict[str, pd.DataFrame]:
    log, _ = splits.index(table, ITEMS["item_id"])
    labels = splits.split(log, ITEMS, options)
    return splits.tables(log, labels, np.zeros(len(labels), np.int8))


def test_index_is_canonical_and_compact() -> None:
    table = interactions([(7, 2, 5), (3, 1, 9), (7, 4, 1), (3, 0, 9)])
    log, users = splits.index(table, ITEMS["item_id"])
    assert users.tolist() == ["u3", "u7"]
    assert rows(log) == [(0, 0, 9), (0, 1, 9), (1, 4, 1), (1, 2, 5)]
    assert [column.dtype for column in log] == [np.int32, np.int32, np.int64]


def test_index_of_categories_in_any_order_with_unused_ones() -> None:
    plain = interactions([(7, 2, 5), (3, 1, 9), (7, 4, 1)])
    coded = plain.assign(
        user_id=pd.Categorical(plain["user_id"], ["u9", "u7", "u3"]),
        item_id=pd.Categorical(plain["item_id"], ["i04", "i77", "i02", "i01"]),
    )
    (log, users), (expected, names) = (splits.index(table, ITEMS["item_id"]) for table in (coded, plain))
    assert users.tolist() == names.tolist() and rows(log) == rows(expected)


def test_an_item_outside_the_catalogue_is_a_bug_of_clean() -> None:
    with pytest.raises(AssertionError, match="not in the catalogue"):
        splits.index(interactions([(0, 20, 1)]), ITEMS["item_id"])


def test_default_by_hand() -> None:
    parts = split(interactions([(0, 5, 30), (0, 6, 10), (0, 7, 20), (0, 8, 40)]), OPTIONS)
    assert parts["test"]["item"].tolist() == [8] and parts["val"]["item"].tolist() == [5]
    assert parts["train"]["item"].tolist() == [6, 7] and parts["fold_in"].empty
    assert parts["train"].columns.tolist() == ["user", "item", "timestamp"]
    assert parts["test"]["kind"].tolist() == ["warm"]


def test_groups_by_hand() -> None:
    log = Log(np.arange(20, dtype=np.int32) // 4, np.arange(20, dtype=np.int32), np.zeros(20, np.int64))
    assert splits.groups("user_id", log, ITEMS).tolist() == log.user.tolist()
    assert splits.groups("item_id", log, ITEMS).tolist() == log.item.tolist()
    tags = splits.groups("category_tag", log, ITEMS)
    assert tags[:4].tolist() == [2, 2, 1, 0], "a set has no order"
    years = splits.groups("number_year", log, ITEMS)
    assert years[0] == splits.BINS and np.bincount(years[1:]).tolist() == [2, 2, 2, 2, 1, 2, 2, 2, 2, 2]
    lacking = ITEMS.assign(number_year=np.nan)
    assert set(splits.groups("number_year", log, lacking)) == {splits.BINS}


@pytest.mark.parametrize("column", ["title", "genre", "timestamp"])
def test_an_unknown_column_names_the_known_ones(column: str) -> None:
    options = OPTIONS.model_copy(update={"strategy": "stratified_by_column", "column": column})
    message = (
        f"splits.column={column}: no such column; use one of user_id, item_id, category_tag, number_year"
    )
    with pytest.raises(UserError, match=message):
        split(interactions([(0, 1, 1)]), options)


def test_an_empty_part_names_the_parameters() -> None:
    message = (
        r"splits.strategy=leave_one_out with splits.min_interactions=3, splits.held_out=latest leaves the val "
        r"part of 2 interactions empty"
    )
    with pytest.raises(UserError, match=message):
        split(interactions([(0, 1, 1), (0, 2, 2)]), OPTIONS)
    one_second = interactions([(0, item, 7) for item in range(9)])
    with pytest.raises(UserError, match=r"splits.test_fraction=0.2 leaves the train part"):
        split(one_second, OPTIONS.model_copy(update={"strategy": "temporal"}))


@pytest.mark.parametrize(("val", "test"), [(0.0, 0.1), (0.1, 0.0), (0.5, 0.5)])
@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "leave_one_out"])
def test_fractions_must_leave_room(strategy: str, val: float, test: float) -> None:
    options = OPTIONS.model_copy(update={"strategy": strategy, "val_fraction": val, "test_fraction": test})
    with pytest.raises(UserError, match="both must be above 0, and together below 1"):
        split(interactions([(0, item, item) for item in range(9)]), options)


TABLES = st.builds(
    lambda pairs, times: interactions([(*pair, time) for pair, time in zip(pairs, times, strict=False)]),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 19)), unique=True, min_size=40, max_size=80),
    st.lists(st.integers(0, 30), min_size=80, max_size=80),
)
VARIANTS: list[dict[str, Any]] = [{"strategy": strategy} for strategy in STRATEGIES]
VARIANTS += [{"strategy": "leave_one_out", "held_out": "random"}]
VARIANTS += [{"strategy": "stratified_by_column", "column": "category_tag"}]
VARIANTS += [{"strategy": "stratified_by_column", "column": "number_year"}]
VARIANTS += [{"strategy": "stratified_by_column", "column": "user_id"}]
VARIANTS += [{"strategy": strategy, "fold_in": 0.0} for strategy in ("user", "mixed")]
OPTIONS_OF_ALL = st.builds(
    lambda variant, seed: OPTIONS.model_copy(update={**variant, "seed": seed}),
    st.sampled_from(VARIANTS),
    st.integers(0, 3),
)


@given(TABLES, OPTIONS_OF_ALL, st.randoms(use_true_random=False))
def test_complete_disjoint_repeatable_and_independent_of_row_order(
    table: pd.DataFrame, options: params.Splits, random: Random
) -> None:
    try:
        parts = split(table, options)
    except UserError as error:
        assert f"splits.strategy={options.strategy}" in str(error)
        return
    log, _ = splits.index(table, ITEMS["item_id"])
    columns = ["user", "item", "timestamp"]
    together = [row for part in parts.values() for row in part[columns].itertuples(index=False, name=None)]
    assert sorted(together) == sorted(rows(log)), "complete"
    assert len({row[:2] for row in together}) == len(together), "disjoint"
    shuffled = table.iloc[random.sample(range(len(table)), len(table))]
    coded = shuffled.assign(user_id=shuffled["user_id"].astype("category"))
    for other in (table, shuffled, coded):
        again = split(other, options)
        for name in PARTS:
            pd.testing.assert_frame_equal(parts[name], again[name])


@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: "-".join(map(str, variant.values())))
def test_every_strategy_splits_an_ordinary_log(variant: dict[str, Any]) -> None:
    """So that the properties are not only of logs that are refused."""
    rng = np.random.default_rng(3)
    pairs = rng.permutation(200)[:120]
    table = interactions([(pair // 20, pair % 20, int(rng.integers(1000))) for pair in pairs.tolist()])
    options = OPTIONS.model_copy(update=variant)
    log, _ = splits.index(table, ITEMS["item_id"])
    labels = splits.split(log, ITEMS, options)
    assert {TRAIN, VAL, TEST} <= set(labels.tolist())
    if options.strategy in ("user", "mixed") and options.fold_in > 0:
        assert FOLD_IN in labels
    if options.strategy not in ("temporal", "stratified_temporal") and variant != {
        "strategy": "leave_one_out"
    }:
        other = splits.split(log, ITEMS, options.model_copy(update={"seed": 2}))
        assert (other != labels).any(), "the seed matters"
