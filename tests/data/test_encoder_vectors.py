"""Cached vectors are read completely and for their own catalogue, or not at all."""

from pathlib import Path

import numpy as np
import pytest

from fusionrec import files
from fusionrec.data import encoder_vectors
from fusionrec.errors import UserError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    files.write_array(tmp_path / "features.npy", np.arange(6, dtype=np.float32).reshape(2, 3))
    files.write_array(tmp_path / "present.npy", np.array([True, False]))
    files.write_json(tmp_path / "item_ids.json", ["a", "b"])
    return tmp_path


def test_what_was_written(folder: Path) -> None:
    found = encoder_vectors.load(folder, ["a", "b"])
    assert found.matrix.tolist() == [[0, 1, 2], [3, 4, 5]] and found.present.tolist() == [True, False]


def test_the_matrix_is_mapped_and_what_is_written_to_it_stays_here(folder: Path) -> None:
    before = (folder / "features.npy").read_bytes()
    found = encoder_vectors.load(folder, ["a", "b"])
    assert isinstance(found.matrix, np.memmap)
    found.matrix[0] = 7
    assert (folder / "features.npy").read_bytes() == before


def test_tokens(folder: Path) -> None:
    assert encoder_vectors.load(folder, ["a", "b"]).tokens.shape == (2, 0, 0)
    tokens = np.arange(8, dtype=np.float32).reshape(2, 2, 2)
    files.write_array(folder / "tokens.npy", tokens)
    found = encoder_vectors.load(folder, ["a", "b"])
    assert found.tokens.tolist() == tokens.tolist() and isinstance(found.tokens, np.memmap)
    found.tokens[0] = 7
    assert files.read_array(folder / "tokens.npy").tolist() == tokens.tolist()


def test_a_modality_that_is_off(folder: Path) -> None:
    files.write_array(folder / "features.npy", np.zeros((2, 0), np.float32))
    assert encoder_vectors.load(folder, ["a", "b"]).matrix.shape == (2, 0)


def test_rows_of_another_catalogue_are_refused(folder: Path) -> None:
    with pytest.raises(UserError, match=r"its items differ from .*items\.parquet; run `dvc repro`"):
        encoder_vectors.load(folder, ["b", "a"])


@pytest.mark.parametrize("name", ["features.npy", "present.npy", "item_ids.json"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(UserError, match=rf"{name}: not found; run `dvc repro`"):
        encoder_vectors.load(folder, ["a", "b"])


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"dino/item_ids\.json: not found; run `dvc repro`"):
        encoder_vectors.load(tmp_path / "dino", ["a", "b"])
