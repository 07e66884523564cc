"""Artifacts: atomic, byte-stable, never pickled."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from fusionrec import files
from fusionrec.errors import DamagedError


def test_a_failed_write_leaves_the_old_file_and_no_scraps(tmp_path: Path) -> None:
    files.write_text(tmp_path / "a.txt", "old")
    with pytest.raises(RuntimeError), files.replacing(tmp_path / "a.txt") as scratch:
        scratch.write_text("half")
        raise RuntimeError
    assert (tmp_path / "a.txt").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for name in ("a", "b"):
        with files.replacing_folder(tmp_path / "out") as folder:
            (folder / name).touch()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"b", "SHA256SUMS"}


def test_json_refuses_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        files.write_json(tmp_path / "a.json", {"a": float("nan")})
    assert not (tmp_path / "a.json").exists()


def test_arrays_and_tensors_round_trip(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    files.write_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(files.read_array(tmp_path / "a.npy"), array)
    files.write_tensors(tmp_path / "a.safetensors", {"x": torch.from_numpy(array).T})
    assert torch.equal(files.read_tensors(tmp_path / "a.safetensors")["x"], torch.from_numpy(array).T)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.array([{}], object), allow_pickle=True)
    with pytest.raises(ValueError, match="allow_pickle"):
        files.read_array(tmp_path / "a.npy")


def test_the_same_content_gives_the_same_bytes(tmp_path: Path) -> None:
    table = pd.DataFrame({"a": ["x", None], "b": [[1, 2], []], "c": [0.5, np.nan]})
    for name in ("1", "2"):
        folder = tmp_path / name
        folder.mkdir()
        files.write_table(folder / "t.parquet", table)
        files.write_tensors(folder / "t.safetensors", {"b": torch.ones(2), "a": torch.zeros(3)})
        with files.ShardWriter(folder) as writer:
            writer.add("1.jpg", b"picture")
    for path in (tmp_path / "1").iterdir():
        assert path.read_bytes() == (tmp_path / "2" / path.name).read_bytes(), path.name


def test_shards_hold_what_was_added_and_where(tmp_path: Path) -> None:
    blobs = {f"{i}.jpg": bytes([i]) * (700 * i) for i in range(9)}
    with files.ShardWriter(tmp_path, shard_bytes=4096) as writer:
        members = {name: writer.add(name, blob) for name, blob in blobs.items()}
    assert len({member.shard for member in members.values()}) > 2
    assert dict(files.read_shards(tmp_path)) == blobs
    assert list(files.read_shards(tmp_path)) == list(blobs.items()), "order is kept"
    names = list(reversed(blobs))
    read = files.read_members(tmp_path, [members[name] for name in names])
    assert dict(zip(names, read, strict=True)) == blobs


def test_a_damaged_picture_is_not_read(tmp_path: Path) -> None:
    with files.ShardWriter(tmp_path) as writer:
        members = [writer.add(f"{n}.jpg", bytes([n]) * 600) for n in range(3)]
    shard = tmp_path / members[1].shard
    content = bytearray(shard.read_bytes())
    content[members[1].offset + 599] ^= 4
    shard.write_bytes(content)
    assert list(files.read_members(tmp_path, [members[0], members[2]])) == [bytes(600), b"\2" * 600]
    with pytest.raises(DamagedError, match=rf"00000.tar: the picture at byte {members[1].offset} is damaged"):
        list(files.read_members(tmp_path, members))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.bool, torch.uint8])
def test_every_flipped_byte_of_a_sealed_file_is_found(tmp_path: Path, dtype: torch.dtype) -> None:
    path, tensors = (
        tmp_path / "a.safetensors",
        {"x": torch.ones(2, 3).to(dtype), "none": torch.ones(0).to(dtype)},
    )
    tensors["scalar"] = torch.ones((), dtype=dtype)
    tensors["nothing"] = (
        torch.ones(1).to(dtype).as_strided((0,), (0,))
    )  # such as an array of numpy without values
    files.write_sealed(path, tensors)
    read = files.read_sealed(path)
    assert read.keys() == tensors.keys() and all(read[name].equal(x) for name, x in tensors.items())
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        try:
            read = files.read_sealed(path)
        except DamagedError:
            continue
        assert all(read[name].equal(x) for name, x in tensors.items()), "padding may differ"


@pytest.mark.parametrize("cuts", [[], [3], [1, 1, 2, 5], [8]])
def test_pieces_have_the_bytes_of_the_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cuts: list[int]
) -> None:
    monkeypatch.setattr(files, "ROW_GROUP", 4)
    table = pd.DataFrame({"a": range(9), "b": pd.array([*"abcdefgh", None], "str")})[
        : max(cuts, default=0) + 1
    ]
    table.to_parquet(tmp_path / "whole.parquet", index=False, row_group_size=4)
    parts = [table[start:end] for start, end in zip([0, *cuts], [*cuts, len(table)], strict=True)]
    rows = files.write_pieces(tmp_path / "pieces.parquet", iter(parts), table[:0])
    assert rows == len(table)
    assert (tmp_path / "whole.parquet").read_bytes() == (tmp_path / "pieces.parquet").read_bytes()
    assert files.write_pieces(tmp_path / "none.parquet", iter([]), table[:0]) == 0
    files.write_table(tmp_path / "empty.parquet", table[:0].reset_index(drop=True))
    assert (tmp_path / "none.parquet").read_bytes() == (tmp_path / "empty.parquet").read_bytes()
