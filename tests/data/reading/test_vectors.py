"""Vectors that others computed: rows go to their items, and what belongs to none is refused with its reason."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from fusionrec.data.reading import vectors
from fusionrec.data.vector_options import VectorFile
from fusionrec.errors import UserError

ITEMS = pd.Series(["b", "a", "7"], dtype="str")
ROWS = np.array([[1, 2], [3, 4], [5, 6]], np.float64)


def write(root: Path, rows: Any = ROWS, name: str = "v.npy", **ids: str) -> list[VectorFile]:
    np.save(root / name, rows)
    for file, content in ids.items():
        (root / file.replace("_", ".")).write_text(content, encoding="utf-8")
    return [VectorFile(file=name, ids=next((file.replace("_", ".") for file in ids), None))]


def read(root: Path, named: list[VectorFile]) -> vectors.Given:
    return vectors.read(root, named, "raw.vectors.vision", ITEMS, set(ITEMS))


def test_without_a_table_of_items_row_i_is_of_item_i(tmp_path: Path) -> None:
    found = vectors.read(tmp_path, write(tmp_path), "raw.vectors.audio", None, {"2", "0", "x"})
    assert by_id(found) == {"0": [1, 2], "2": [5, 6]}
    assert [(row, item, reason) for _, row, item, reason, _ in found.refused] == [(2, "1", "unknown_item")]


def by_id(found: vectors.Given) -> dict[str, list[float]]:
    assert found.ids == sorted(found.ids) and found.matrix.dtype == np.float32
    return dict(zip(found.ids, found.matrix.tolist(), strict=True))


def test_without_ids_the_rows_are_those_of_the_table(tmp_path: Path) -> None:
    assert by_id(read(tmp_path, write(tmp_path))) == {"b": [1, 2], "a": [3, 4], "7": [5, 6]}
    with pytest.raises(
        UserError, match=r"has 2 rows, but the table of items has 3 rows; set raw\.vectors\.vision\[0\]\.ids"
    ):
        read(tmp_path, write(tmp_path, ROWS[:2]))


@pytest.mark.parametrize("ids", [{"i_txt": "7\na\nb\n"}, {"i_json": '["7", "a", "b"]'}, {"i_json": '[7, "a", "b"]'},
                                 {"i_json": '{"b": 2, "7": 0, "a": 1}'}])  # fmt: skip
def test_ids_in_several_forms(tmp_path: Path, ids: dict[str, str]) -> None:
    assert by_id(read(tmp_path, write(tmp_path, **ids))) == {"7": [1, 2], "a": [3, 4], "b": [5, 6]}


def test_ids_as_an_array(tmp_path: Path) -> None:
    np.save(tmp_path / "ids.npy", np.array([7, 8, 9]))
    found = read(tmp_path, [write(tmp_path)[0].model_copy(update={"ids": "ids.npy"})])
    assert by_id(found) == {"7": [1, 2]}
    assert [(row, item, reason) for _, row, item, reason, _ in found.refused] == [
        (2, "8", "unknown_item"), (3, "9", "unknown_item"),
    ]  # fmt: skip


def test_rows_that_cannot_be_used(tmp_path: Path) -> None:
    rows = np.array([[1, np.nan], [1, 2], [3, 4], [9, 9]])
    found = read(tmp_path, write(tmp_path, rows, i_txt="a\nb\nb\nx\n"))
    assert by_id(found) == {"b": [1, 2]}
    assert [(*row[:4],) for row in found.refused] == [
        ("vectors", 1, "a", "not_finite"), ("vectors", 3, "b", "duplicate_id"), ("vectors", 4, "x", "unknown_item"),
    ]  # fmt: skip


def test_several_files_side_by_side(tmp_path: Path) -> None:
    one = write(tmp_path, np.array([[3.0], [4.0]]), "one.npy", one_txt="a\nb\n")
    two = write(tmp_path, np.array([[10, 10], [10, -10]]), "two.npy", two_txt="b\n7\n")
    found = read(tmp_path, [*one, *two])
    spread = np.float32(np.sqrt(12.5))
    expected = {"7": [0, 1, -1], "a": [3 / spread, 0, 0], "b": [4 / spread, 1, 1]}
    assert found.ids == list(expected)
    np.testing.assert_allclose(found.matrix, np.array([*expected.values()], np.float32), rtol=1e-6)


def test_no_file(tmp_path: Path) -> None:
    found = read(tmp_path, [])
    assert found.ids == [] and found.matrix.shape == (0, 0) and found.refused == []


@pytest.mark.parametrize(
    ("rows", "ids", "message"),
    [(np.zeros(3), None, r"v\.npy: holds float64 \[3\]; it needs numbers \[items, width\]"),
     (np.array([["a", "b"]]), None, r"holds <U1 \[1, 2\]; it needs numbers"),
     (ROWS, "a\nb\nc\nd\n", r"has 3 rows, but .*i\.txt names 4"),
     (ROWS, {"a": 3}, r"has 3 rows, but .*i\.json names 1"),
     (ROWS, {"a": "x"}, r"i\.json: needs a list of ids, or a mapping from id to row"),
     (ROWS, [["a"]], r"i\.json: needs a list of ids"),
     (ROWS, 5, r"i\.json: needs a list of ids")],
)  # fmt: skip
def test_what_does_not_fit_is_refused(tmp_path: Path, rows: Any, ids: Any, message: str) -> None:
    name = "i_txt" if isinstance(ids, str) else "i_json"
    content = {} if ids is None else {name: ids if isinstance(ids, str) else json.dumps(ids)}
    with pytest.raises(UserError, match=message):
        read(tmp_path, write(tmp_path, rows, **content))


def test_pickles_and_other_folders_are_never_opened(tmp_path: Path) -> None:
    root = tmp_path / "data"
    root.mkdir()
    np.save(root / "v.npy", np.array([object()], object), allow_pickle=True)
    with pytest.raises(UserError, match=r"v\.npy: not a NumPy array without pickled objects"):
        read(root, [VectorFile(file="v.npy", ids=None)])
    with pytest.raises(UserError, match="leads out of"):
        read(root, [VectorFile(file="../v.npy", ids=None)])
    with pytest.raises(UserError, match=r"not found; set raw\.vectors\.vision\[0\]\.file"):
        read(root, [VectorFile(file="w.npy", ids=None)])


def test_a_damaged_header_is_one_clear_error(tmp_path: Path) -> None:
    """NumPy parses it as Python, which ends in the middle of a statement here."""
    header = b"{{'descr': '<f4', 'fortran_order': False, 'shape': (2, 4), }\n"
    (tmp_path / "v.npy").write_bytes(
        b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + b"\0" * 32
    )
    with pytest.raises(UserError, match=r"v\.npy: not a NumPy array"):
        read(tmp_path, [VectorFile(file="v.npy", ids=None)])
