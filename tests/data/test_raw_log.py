"""A log is the same whether it is read whole, or from a file in pieces; and so is all that cleaning makes of it."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fusionrec.data import cleaning, interactions, parsing
from fusionrec.data.raw_log import RawLog

from .test_cleaning import catalogue, options

IDS, TIMES = ["a", "b", "c", "d", "e ", " ", None], ["7", "1", "x", None, "2024-03-01", "-4", "9999999999999"]
ROW = st.tuples(st.sampled_from(["u", "v", "w", "nan", None]), st.sampled_from(IDS), st.sampled_from(TIMES))


def raw(rows: list[tuple[str | None, str | None, str | None]]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"]).astype("str")
    table["user_id"] = table["user_id"].astype("category")
    table["split"] = ["train" if row % 3 else "test" for row in range(len(table))]
    table.insert(0, "row", np.arange(1, len(table) + 1))
    return table


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(ROW, min_size=8, max_size=40), st.integers(1, 9), st.integers(0, 2))
def test_pieces_change_nothing(
    tmp_path: Path, rows: list[tuple[str, str, str]], length: int, core: int
) -> None:
    table = raw([("u", "a", "1"), ("v", "a", "3"), *rows])
    table.to_parquet(tmp_path / "log.parquet", index=False, row_group_size=length)
    chosen = options(min_user_interactions=min(core, 1), min_item_interactions=core)
    whole = cleaning.clean(catalogue(list("dcba")), table, chosen)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(interactions, "ROWS", length)
        pieces = cleaning.clean(catalogue(list("dcba")), RawLog(tmp_path / "log.parquet"), chosen)
        log = pieces.interactions
        lengths = [len(part) for part in pieces.interaction_pieces()[1]]
    assert log.astype(str).equals(whole.interactions.astype(str)) and sum(lengths) == len(log)
    assert max(lengths) <= length and whole.interactions["user_id"].dtype == "category"
    assert pieces.rejected.equals(whole.rejected) and pieces.counts == whole.counts
    assert pieces.items.equals(whole.items)


def test_ids_of_pieces_are_those_of_the_whole() -> None:
    table = raw([("v", "b", "1"), ("u", "a", "1"), (None, "b", "2"), ("w", None, "2")])
    for name in ("user_id", "item_id"):
        found = parsing.ids_of(RawLog(table).column(name), len(table))
        expected = parsing.ids(table[name])
        assert found.codes.tolist() == expected.codes.tolist() and found.names.equals(expected.names)


def test_what_a_log_has() -> None:
    log = RawLog(raw([("u", "a", "1"), ("v", "b", "x")]))
    assert len(log) == 2 and "split" in log and "rating" not in log
    assert np.isnan(log.parsed("timestamp", parsing.times)).tolist() == [False, True]
    (rows,) = log.rows(np.array([0, 3], np.uint8))
    assert rows[["row", "user_id", "step"]].to_numpy().tolist() == [[2, "v", 3]]
