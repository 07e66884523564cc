"""The table of all metrics: what is written is read back, to the last digit."""

import io

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec.evaluation import metrics_table

NAMES = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)


@given(st.dictionaries(NAMES, st.dictionaries(NAMES, NUMBERS, min_size=1)))
def test_what_is_written_is_read_back(summary: dict[str, dict[str, float]]) -> None:
    text = metrics_table.text(summary)
    assert repr(metrics_table.parse(text)) == repr(summary), "order, types and digits too"


def test_other_libraries_read_the_same_numbers() -> None:
    summary: dict[str, dict[str, float]] = {
        "model": {"ndcg@10": 0.1 + 0.2, "gini@10": 1e-06},
        "ease": {"l2": 100},
    }
    table = pd.read_csv(io.StringIO(metrics_table.text(summary)))
    assert list(table) == metrics_table.COLUMNS
    assert table.to_numpy().tolist() == [
        ["model", "ndcg@10", 0.1 + 0.2], ["model", "gini@10", 1e-06], ["ease", "l2", 100],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "line", ["<<<<<<< HEAD", "model,ndcg@10", "model,ndcg@10,", "model,ndcg@10,much", "a,b,1,2"]
)
def test_what_is_no_row_is_an_error(line: str) -> None:
    with pytest.raises(ValueError):
        metrics_table.parse(f"recommender,metric,value\n{line}\n")
    with pytest.raises(ValueError):
        metrics_table.parse("")


def test_without_recommenders_the_table_is_empty() -> None:
    assert metrics_table.parse(metrics_table.text({})) == {}
