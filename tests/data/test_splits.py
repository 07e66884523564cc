"""From tables to parts: by hand, then as properties of every strategy."""

import hashlib
import struct
import subprocess
import sys
from random import Random
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec import choices
from fusionrec.data import splits, strategies
from fusionrec.data.split_labels import FOLD_IN, PARTS, TEST, TRAIN, VAL, Log
from fusionrec.data.strategies import Splits
from fusionrec.errors import ProofError, UserError

from .strategies.common import ITEMS, ROOT, options

STRATEGIES = choices.names(strategies.PACKAGE)
DEFAULT = options("leave_one_out", {"held_out": "latest"})


def interactions(rows: list[tuple[int, int, int]]) -> pd.DataFrame:
    """Rows (user, item, timestamp) with the ids u0, i00, ..., and a part that depends on both."""
    users, items, times = zip(*rows, strict=True)
    ids = {"user_id": [f"u{user}" for user in users], "item_id": [f"i{item:02}" for item in items]}
    parts = [PARTS[(user + item) % 3] for user, item, _ in rows]
    return pd.DataFrame({**ids, "timestamp": times, "split": parts})


def rows(log: Log) -> list[tuple[int, int, int]]:
    return list(zip(*(column.tolist() for column in log[:3]), strict=True))


def split(table: pd.DataFrame, chosen: Splits) -> dict[str, pd.DataFrame]:
    log, _ = splits.index(table, ITEMS["item_id"])
    labels = splits.split(log, ITEMS, chosen).labels
    return splits.tables(log, labels, np.zeros(len(labels), np.int8))


def test_index_is_canonical_and_compact() -> None:
    table = interactions([(7, 2, 5), (3, 1, 9), (7, 4, 1), (3, 0, 9)])
    log, users = splits.index(table, ITEMS["item_id"])
    assert users.tolist() == ["u3", "u7"]
    assert rows(log) == [(0, 0, 9), (0, 1, 9), (1, 4, 1), (1, 2, 5)]
    assert [column.dtype for column in log[:3]] == [np.int32, np.int32, np.int64]


def test_index_of_categories_in_any_order_with_unused_ones() -> None:
    plain = interactions([(7, 2, 5), (3, 1, 9), (7, 4, 1)])
    coded = plain.assign(
        user_id=pd.Categorical(plain["user_id"], ["u9", "u7", "u3"]),
        item_id=pd.Categorical(plain["item_id"], ["i04", "i77", "i02", "i01"]),
    )
    (log, users), (expected, names) = (splits.index(table, ITEMS["item_id"]) for table in (coded, plain))
    assert users.tolist() == names.tolist() and rows(log) == rows(expected)


def test_an_item_outside_the_catalogue_is_a_bug_of_clean() -> None:
    with pytest.raises(ProofError, match="every interaction is with an item of the catalogue"):
        splits.index(interactions([(0, 20, 1)]), ITEMS["item_id"])


def test_default_by_hand() -> None:
    parts = split(interactions([(0, 5, 30), (0, 6, 10), (0, 7, 20), (0, 8, 40)]), DEFAULT)
    assert parts["test"]["item"].tolist() == [8] and parts["val"]["item"].tolist() == [5]
    assert parts["train"]["item"].tolist() == [6, 7] and parts["fold_in"].empty
    assert parts["train"].columns.tolist() == ["user", "item", "timestamp"]
    assert parts["test"]["kind"].tolist() == ["warm"]


def test_an_empty_part_names_the_parameters() -> None:
    message = (
        r"splits.strategy=leave_one_out with splits.min_interactions=3, splits.leave_one_out.held_out=latest "
        r"leaves the val part of 2 interactions empty"
    )
    with pytest.raises(UserError, match=message):
        split(interactions([(0, 1, 1), (0, 2, 2)]), DEFAULT)
    one_second = interactions([(0, item, 7) for item in range(9)])
    with pytest.raises(UserError, match=r"splits.test_fraction=0.2 leaves the train part"):
        split(one_second, options("temporal"))


@pytest.mark.parametrize(("val", "test"), [(0.0, 0.1), (0.1, 0.0), (0.5, 0.5)])
@pytest.mark.parametrize(
    "strategy", [name for name in STRATEGIES if "val_fraction" in strategies.load(name).reads]
)
def test_fractions_must_leave_room(strategy: str, val: float, test: float) -> None:
    chosen = options(strategy, val_fraction=val, test_fraction=test)
    with pytest.raises(UserError, match="both must be above 0, and together below 1"):
        split(interactions([(0, item, item) for item in range(9)]), chosen)


TABLES = st.builds(
    lambda pairs, times: interactions([(*pair, time) for pair, time in zip(pairs, times, strict=False)]),
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 19)), unique=True, min_size=40, max_size=80),
    st.lists(st.integers(0, 30), min_size=80, max_size=80),
)
VARIANTS: list[tuple[str, dict[str, Any]]] = [
    *((strategy, {}) for strategy in STRATEGIES),
    ("leave_one_out", {"held_out": "random"}),
    *(("stratified_by_column", {"column": name}) for name in ("category_tag", "number_year", "user_id")),
    ("user", {"fold_in": 0.0}),
    *(("mixed", {"cold_users": 0.3, "cold_items": 0.3, "fold_in": share}) for share in (0.0, 0.5)),
]
OPTIONS = st.builds(
    lambda variant, seed: options(*variant, seed=seed), st.sampled_from(VARIANTS), st.integers(0, 3)
)


@given(TABLES, OPTIONS, st.randoms(use_true_random=False))
def test_complete_disjoint_repeatable_and_independent_of_row_order(
    table: pd.DataFrame, chosen: Splits, random: Random
) -> None:
    try:
        parts = split(table, chosen)
    except UserError as error:
        assert f"splits.strategy={chosen.strategy}" in str(error)
        return
    log, _ = splits.index(table, ITEMS["item_id"])
    columns = ["user", "item", "timestamp"]
    together = [row for part in parts.values() for row in part[columns].itertuples(index=False, name=None)]
    assert sorted(together) == sorted(rows(log)), "complete"
    assert len({row[:2] for row in together}) == len(together), "disjoint"
    shuffled = table.iloc[random.sample(range(len(table)), len(table))]
    coded = shuffled.assign(user_id=shuffled["user_id"].astype("category"))
    for other in (table, shuffled, coded):
        again = split(other, chosen)
        for name in PARTS:
            pd.testing.assert_frame_equal(parts[name], again[name])


@pytest.mark.parametrize(("strategy", "own"), VARIANTS, ids=str)
def test_every_strategy_splits_an_ordinary_log(strategy: str, own: dict[str, Any]) -> None:
    """So that the properties above are not only tested on logs that are refused."""
    rng = np.random.default_rng(3)
    pairs = rng.permutation(200)[:120]
    table = interactions([(pair // 20, pair % 20, int(rng.integers(1000))) for pair in pairs.tolist()])
    log, _ = splits.index(table, ITEMS["item_id"])
    labels, cuts, _ = splits.split(log, ITEMS, options(strategy, own))
    assert {TRAIN, VAL, TEST} <= set(labels.tolist()) and labels.dtype == np.int8
    if strategies.load(strategy).folds_in and own.get("fold_in", 0.5) > 0:
        assert FOLD_IN in labels
    assert list(cuts) == (["val_from", "test_from"] if strategy == "temporal" else [])


def test_only_the_selected_strategy_is_imported() -> None:
    script = """
import sys
from fusionrec.data import splits, strategies
strategies.load("item")
print(*sorted(name for name in sys.modules if name.startswith(strategies.PACKAGE + ".")))
"""
    environment = {"PYTHONPATH": str(ROOT / "src")}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["fusionrec.data.strategies.item"], done.stderr


@pytest.mark.parametrize(("strategy", "own"), VARIANTS, ids=str)
def test_without_times_only_strategies_that_need_none(strategy: str, own: dict[str, Any]) -> None:
    pairs = np.random.default_rng(3).permutation(200)[:120].tolist()
    log, _ = splits.index(interactions([(pair // 20, pair % 20, 0) for pair in pairs]), ITEMS["item_id"])
    chosen = options(strategy, own)
    latest = strategy == "leave_one_out" and own.get("held_out", "latest") == "latest"
    if latest or strategy in ("temporal", "stratified_temporal"):
        with pytest.raises(
            UserError, match=f"strategy={strategy} holds out the latest .* same time, or none; use"
        ):
            splits.split(log, ITEMS, chosen)
    else:
        assert {TRAIN, VAL, TEST} <= set(splits.split(log, ITEMS, chosen).labels.tolist())


def test_the_proof_says_what_was_looked_up() -> None:
    log, _ = splits.index(interactions([(0, 5, 30), (0, 6, 10), (0, 7, 20), (0, 8, 40)]), ITEMS["item_id"])
    made = splits.split(log, ITEMS, DEFAULT)
    proof = splits.proof(log, made, "leave_one_out")
    assert proof["interactions"] == 4 and proof["parts"] == {"train": 2, "val": 1, "test": 1, "fold_in": 0}
    promises = {one["promise"]: one["cases"] for one in proof["proved"]}
    assert promises["each label is train, val, test or fold_in"] == 4
    assert promises["every evaluated user has a train interaction"] == 1
    assert promises["no pair of user and item is in the log twice"] == 3, (
        "pairs of neighbours in sorted order"
    )
    assert proof["sha256"]["labels"] == hashlib.sha256(bytes(made.labels.tolist())).hexdigest()
    numbers = struct.pack("<4i4i4q", 0, 0, 0, 0, 6, 7, 5, 8, 10, 20, 30, 40)
    assert proof["sha256"]["log"] == hashlib.sha256(numbers).hexdigest()
