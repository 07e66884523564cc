"""Distinct inputs, the items that share them, and reading of a table in pieces."""

import hashlib
import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fusionrec import files
from fusionrec.encoders import inputs


def of_keys(keys: list[bytes | None]) -> inputs.Inputs:
    return inputs.Inputs(keys, pd.DataFrame({"n": range(len(keys))}), list)


def test_distinct_by_hand() -> None:
    number, first = of_keys([b"b", None, b"a", b"b"]).distinct()
    assert number.tolist() == [0, -1, 1, 0] and first.tolist() == [0, 2]


@given(st.lists(st.none() | st.sampled_from([b"a", b"b", b"b\0", b"c", b"d"])))
def test_every_item_gets_its_own_key(keys: list[bytes | None]) -> None:
    number, first = of_keys(keys).distinct()
    assert len(first) == len(set(keys) - {None})
    assert [keys[first[n]] if n >= 0 else None for n in number] == keys
    assert first.tolist() == sorted(keys.index(keys[item]) for item in first)


@pytest.mark.parametrize("items", [[], [3], [5, 0, 5], [*range(9, -1, -1)]])
def test_rows_of_the_items_that_are_asked_for(items: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "ROWS", 3)
    found = of_keys([None] * 10).rows(np.array(items, np.int64))
    assert list(found) == [(item, (item,)) for item in items]


def test_texts() -> None:
    table = pd.Series(["red", "", "äöü", "red"])
    found = inputs.texts(table)
    assert found.keys[0] == found.keys[3] == hashlib.sha256(b"red").digest()
    assert found.keys[1] is None and found.keys[2] == hashlib.sha256("äöü".encode()).digest()
    assert found.read([row for _, row in found.rows(np.array([2, 0]))]) == ["äöü", "red"]


def test_pictures(tmp_path: Path) -> None:
    blobs = {"a": b"first", "c": b"third"}
    with files.ShardWriter(tmp_path) as shards:
        places = {name: shards.add(name, blob)._asdict() for name, blob in blobs.items()}
    rows = [
        {"status": "ok", "sha256": hashlib.sha256(b"first").hexdigest()} | places["a"],
        {"status": "rejected", "sha256": hashlib.sha256(b"second").hexdigest()},
        {"status": "ok", "sha256": hashlib.sha256(b"third").hexdigest()} | places["c"],
        {"status": "missing"},
    ]
    manifest = pd.DataFrame(rows).astype({"offset": "Int64", "bytes": "Int64"})
    found = inputs.pictures(manifest, tmp_path)
    assert found.keys == [hashlib.sha256(b"first").digest(), None, hashlib.sha256(b"third").digest(), None]
    read = pickle.loads(pickle.dumps(found.read))  # goes to other processes
    assert read([row for _, row in found.rows(np.array([2, 0]))]) == [b"third", b"first"]
