"""Cleaning of the log, as far as it needs no other table."""

import networkx
import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.data import interactions
from fusionrec.data.raw_log import RawLog
from fusionrec.data.rejections import FilteredTable


def raw(rows: list[tuple[str, str, str]]) -> RawLog:
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"], dtype="str")
    table.insert(0, "row", np.arange(1, len(table) + 1))
    return RawLog(table)


def catalogue(ids: list[str]) -> FilteredTable[pd.DataFrame]:
    return FilteredTable(
        "items", pd.DataFrame({"row": np.arange(1, len(ids) + 1), "item_id": ids}, dtype="str")
    )


def test_the_newest_time_ignores_what_is_no_plausible_time() -> None:
    rows = raw([("u", "a", "7"), ("u", "a", "9999999999999"), ("u", "a", "x")])
    assert interactions.newest(interactions.read(rows)) == 7
    assert interactions.newest(interactions.read(raw([("u", "a", "x")]))) == 0


def test_of_repeated_pairs_the_first_in_time_stays_and_of_equal_times_the_first_row() -> None:
    rows = raw([("u", "a", "9"), ("u", "a", "5"), ("u", "a", "5"), ("v", "a", "9")])
    log = interactions.reject_rows(interactions.read(rows), catalogue(["a"]), None)
    assert log.table.kept.tolist() == [False, True, False, True]


def test_an_id_that_only_a_rejected_item_has_is_unknown() -> None:
    items = catalogue(["a", "b"])
    items.reject(np.array([True, False]), "bad")
    log = interactions.reject_rows(interactions.read(raw([("u", "a", "1"), ("u", "b", "1")])), items, None)
    assert log.item.tolist() == [1] and log.row.tolist() == [1]


def test_the_table_is_sorted_by_user_time_and_item() -> None:
    rows = raw([("v", "a", "1"), ("u", "b", "2"), ("u", "c", "2"), ("u", "a", "3")])
    items = catalogue(["c", "a", "b"])
    log = interactions.reject_rows(interactions.read(rows), items, None)
    table = interactions.table(log, items.rows["item_id"])
    assert table.astype(object).to_numpy().tolist() == [
        ["u", "b", 2], ["u", "c", 2], ["u", "a", 3], ["v", "a", 1]
    ]  # fmt: skip


PAIRS = st.sets(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=40)


@given(PAIRS, st.integers(1, 4))
def test_the_core_is_that_of_networkx(pairs: set[tuple[int, int]], k: int) -> None:
    rows = raw([(f"u{user}", f"i{item}", "1") for user, item in sorted(pairs)])
    items = catalogue([f"i{item}" for item in range(8)])
    log = interactions.reject_rows(interactions.read(rows), items, None)
    interactions.reject_rare(log, items, k, k)
    (table,) = rows.tables()
    every = table.to_pandas()
    kept = every[log.table.kept]
    graph = networkx.Graph((row.user_id, row.item_id) for row in every.itertuples())
    expected = {frozenset(edge) for edge in networkx.k_core(graph, k).edges}
    assert {frozenset(pair) for pair in zip(kept["user_id"], kept["item_id"], strict=True)} == expected
