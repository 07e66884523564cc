"""Hashes of the files of a folder: every reader checks them."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec import checksums, files
from fusionrec.data import encoder_vectors
from fusionrec.errors import DamagedError

READERS: dict[str, Callable[[Path], object]] = {
    "t.parquet": files.read_table,
    "a.npy": files.read_array,
    "m.npy": files.map_array,
    "s.safetensors": files.read_tensors,
    "j.json": files.read_json,
    "00000.tar": lambda path: list(files.read_shards(path.parent)),
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with files.replacing_folder(tmp_path / "out") as out:
        files.write_table(out / "t.parquet", pd.DataFrame({"a": [1, 2]}))
        files.write_array(out / "a.npy", np.arange(3))
        files.write_array(out / "m.npy", np.arange(3))
        files.write_tensors(out / "s.safetensors", {"x": torch.ones(2)})
        files.write_json(out / "j.json", {"a": [1]})
        files.write_json(out / "inside/j.json", 7)
        with files.ShardWriter(out) as shards:
            shards.add("1.jpg", b"picture")
    return tmp_path / "out"


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x20
    path.write_bytes(content)


def test_the_command_sha256sum_agrees(folder: Path) -> None:
    for directory in (folder, folder / "inside"):
        subprocess.run(["sha256sum", "-c", "--quiet", "--strict", checksums.NAME], cwd=directory, check=True)
    assert set(checksums.listed(folder / checksums.NAME)) == READERS.keys()
    assert files.read_json(folder / "inside/j.json") == 7


@pytest.mark.parametrize("name", READERS)
def test_every_reader_finds_every_flipped_byte(folder: Path, name: str) -> None:
    """Single bytes at 24 places over the file; afterwards it is read as before."""
    READERS[name](folder / name)
    for position in np.linspace(0, (folder / name).stat().st_size - 1, 24).astype(int).tolist():
        flip(folder / name, position)
        with pytest.raises(DamagedError, match=f"{name}: damaged"):
            READERS[name](folder / name)
        flip(folder / name, position)
    READERS[name](folder / name)


def test_a_damaged_list_of_hashes(folder: Path) -> None:
    sums = folder / checksums.NAME
    whole = sums.read_bytes()
    for position in range(0, len(whole), 7):
        flip(sums, position)
        for (
            name,
            read,
        ) in READERS.items():  # the others are what they were, and read, or the error says what is wrong
            try:
                read(folder / name)
            except DamagedError as error:
                assert checksums.NAME in str(error)
        sums.write_bytes(whole)
    for name, read in READERS.items():
        read(folder / name)


def test_a_file_that_is_not_listed_or_missing(folder: Path) -> None:
    (folder / "new.json").write_text("1")
    with pytest.raises(DamagedError, match=r"new.json: not listed in .*SHA256SUMS"):
        files.read_json(folder / "new.json")
    checksums.check_folder(folder)
    (folder / "a.npy").unlink()
    with pytest.raises(FileNotFoundError):
        files.read_array(folder / "a.npy")
    with pytest.raises(DamagedError, match=r"a.npy: not found"):
        checksums.check_folder(folder)


def test_a_folder_without_hashes_is_read_as_it_is(folder: Path) -> None:
    (folder / checksums.NAME).unlink()
    flip(folder / "j.json", 5)
    assert files.read_json(folder / "j.json") == {"A": [1]}
    with pytest.raises(DamagedError, match="has no SHA256SUMS"):
        checksums.check_folder(folder)


def test_memory_mapped_vectors_are_checked_too(tmp_path: Path) -> None:
    with files.replacing_folder(tmp_path / "cache") as out:
        files.write_array(out / "features.npy", np.ones((2, 3), np.float32))
        files.write_array(out / "present.npy", np.ones(2, bool))
        files.write_json(out / "item_ids.json", ["a", "b"])
    encoder_vectors.load(tmp_path / "cache", ["a", "b"])
    flip(tmp_path / "cache/features.npy", -1)
    with pytest.raises(DamagedError, match=r"features.npy: damaged"):
        encoder_vectors.load(tmp_path / "cache", ["a", "b"])
