"""By how much two versions of a file differ."""

import io
import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.torch import save

from fusionrec.integrity import numbers


def npy(*values: float) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, np.array(values, np.float32))
    return buffer.getvalue()


def parquet(**columns: Any) -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame(columns).to_parquet(buffer)
    return buffer.getvalue()


def test_an_array() -> None:
    assert (
        numbers.compare("a.npy", npy(4, 1, 2), npy(4, 1.5, 2))
        == "by at most 0.5, and 0.12 of the largest value"
    )
    assert numbers.compare("a.npy", npy(0), npy(2)) == "by at most 2, and inf of the largest value"


def test_tensors_that_are_equal_are_left_out() -> None:
    old = {"w": torch.tensor([[8.0, -1.0]]), "b": torch.ones(2, dtype=torch.bfloat16)}
    new = old | {"w": torch.tensor([[8.0, -3.0]])}
    said = numbers.compare("m.safetensors", save(old), save(new))
    assert said == "1 of 2 differ, by at most 2, and 0.25 of the largest value"


def test_numbers_of_tables_and_metrics() -> None:
    old, new = (
        parquet(id=["a", "b"], x=[1.0, None], n=[1, 2]),
        parquet(id=["a", "c"], x=[2.0, None], n=[1, 2]),
    )
    assert numbers.compare("t.parquet", old, new).startswith("1 of 2 differ, by at most 1, and 1 of")
    texts = [json.dumps({"ndcg": {"10": value}, "name": "x"}).encode() for value in (0.5, 0.25)]
    assert numbers.compare("m.json", *texts) == "by at most 0.25, and 0.5 of the largest value"
    assert (
        numbers.compare("m.csv", b"k,v\na,1\n", b"k,v\na,3\n") == "by at most 2, and 2 of the largest value"
    )


def test_a_number_that_only_one_version_has() -> None:
    assert numbers.compare("a.npy", npy(1, np.nan, 3), npy(1, 2, 3)).startswith("by at most inf")
    assert numbers.compare("a.npy", npy(1, np.nan, 3), npy(1, np.nan, 4)).startswith("by at most 1,")


@pytest.mark.parametrize(
    ("name", "old", "new", "said"),
    [
        ("a.npy", npy(1, 2), npy(1), "other names or shapes"),
        ("a.png", b"x", b"y", "other bytes"),
        ("a.parquet", parquet(x=[1]), parquet(x=[1], y=["text"]), "equal numbers in other bytes"),
        ("a.npy", b"x", npy(1), "cannot be compared ("),
    ],
)
def test_what_has_no_difference_in_numbers(name: str, old: bytes, new: bytes, said: str) -> None:
    assert numbers.compare(name, old, new).startswith(said)
