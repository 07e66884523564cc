"""Given vectors as an encoder's output: aligned with the catalogue."""

from pathlib import Path

import numpy as np
import pytest

from fusionrec import files
from fusionrec.encoders import given
from fusionrec.errors import UserError


def write(folder: Path, ids: list[str], rows: list[list[float]]) -> Path:
    files.write_array(
        folder / "vectors.npy", np.array(rows, np.float32).reshape(len(ids), len(rows[0]) if rows else 0)
    )
    files.write_json(folder / "item_ids.json", ids)
    return folder


def test_vectors_follow_the_items(tmp_path: Path) -> None:
    folder = write(tmp_path / "vision", ["a", "b", "z"], [[1, 2], [3, 4], [5, 6]])
    filled = given.fill(tmp_path / "features.npy", folder, "vision", ["b", "c", "a"])
    assert np.load(tmp_path / "features.npy").tolist() == [[3, 4], [0, 0], [1, 2]]
    assert filled.features.present.tolist() == [True, False, True] and filled.distinct == filled.known == 2
    other = write(tmp_path / "other", ["a"], [[1, 9]])
    assert given.fill(tmp_path / "g.npy", other, "vision", ["a"]).card["sha256"] != filled.card["sha256"]


def test_no_vector_at_all_names_the_parameter(tmp_path: Path) -> None:
    folder = write(tmp_path / "language", [], [])
    with pytest.raises(
        UserError, match=r"model\.language is given, but no item has a vector; name files in raw\.vectors\.l"
    ):
        given.fill(tmp_path / "features.npy", folder, "language", ["a"])
