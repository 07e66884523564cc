"""Reads and writes all artifacts. Writing is atomic, and the same content gives the same bytes.

Folders carry the hashes of their files, which are checked when a file is read (`fusionrec.checksums`).

Nothing is pickled. Tables are Parquet, matrices npy, weights safetensors, the rest JSON. Pictures are stored
unchanged in uncompressed tar files (shards): DVC tracks a few files instead of hundreds of thousands.
"""

import hashlib
import io
import json
import re
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import checksums
from fusionrec import scratch as folders
from fusionrec.errors import DamagedError, UserError
from fusionrec.paths import cache_home as cache_home

if TYPE_CHECKING:
    import pyarrow as pa
    import torch
    from matplotlib.figure import Figure

ROW_GROUP = 1 << 20  # rows, as pandas writes them
SHARD_BYTES = 256 * 1024 * 1024
SEAL = "sha256"  # name of the tensor with the hash of the others


@contextmanager
def replacing(path: Path | str) -> Iterator[Path]:
    """A temporary path next to `path` that replaces it on success and is removed on failure."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = folders.make(path)
    try:
        yield scratch / path.name
        if path.is_dir():  # not deleted in place: a process that is killed meanwhile would leave half of it
            path.rename(scratch / f"{path.name}.old")
        (scratch / path.name).replace(path)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


@contextmanager
def replacing_folder(path: Path | str) -> Iterator[Path]:
    """Like `replacing`, for a folder. The temporary folder exists and is empty. In the end it gets `SHA256SUMS`."""
    with replacing(path) as folder:
        folder.mkdir()
        yield folder
        checksums.write(folder)


def write_text(path: Path | str, text: str) -> None:
    """Write text as UTF-8 with Unix line ends on every system."""
    with replacing(path) as scratch:
        scratch.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path | str, value: Any) -> None:
    """Write a value as JSON; keys keep their order.

    Raises:
        ValueError: if the value has NaN or infinity, which JSON cannot express.
    """
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def read_json(path: Path | str) -> Any:
    """Read a value that `write_json` wrote."""
    checksums.check(path)
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_table(path: Path | str, table: pd.DataFrame) -> None:
    """Write a table as Parquet, without its index."""
    with replacing(path) as scratch:
        table.to_parquet(scratch, index=False)


def write_row_groups(path: Path | str, schema: "pa.Schema", tables: "Iterable[pa.Table]") -> int:
    """Write tables to one Parquet file, each as one row group; return the number of rows."""
    from pyarrow import parquet

    rows = 0
    with replacing(path) as scratch, parquet.ParquetWriter(scratch, schema) as writer:
        for table in tables:
            writer.write_table(table)
            rows += table.num_rows
    return rows


def write_pieces(path: Path | str, pieces: Iterable[pd.DataFrame], empty: pd.DataFrame) -> int:
    """Write a table that comes in pieces, with the bytes that `write_table` gives it whole; return its rows.

    Args:
        path: of the file.
        pieces: of any lengths, one after the other.
        empty: a table without rows, of the same columns.
    """
    import pyarrow as pa

    schema = pa.Schema.from_pandas(empty, preserve_index=False)
    tables = (pa.Table.from_pandas(piece, schema, preserve_index=False) for piece in pieces)
    return write_row_groups(path, schema, _regrouped(tables, schema.empty_table()))


def _regrouped(tables: "Iterable[pa.Table]", empty: "pa.Table") -> "Iterator[pa.Table]":
    """The same rows in tables of `ROW_GROUP` rows; the last one has less, and is the only one that may be empty."""
    import pyarrow as pa

    waiting = empty
    for table in tables:
        waiting = pa.concat_tables([waiting, table]).combine_chunks()
        while len(waiting) >= ROW_GROUP:
            yield waiting.slice(0, ROW_GROUP)
            waiting = waiting.slice(ROW_GROUP)
            empty = None
    if empty is not None or len(waiting):
        yield waiting


def read_table(path: Path | str, columns: list[str] | None = None) -> pd.DataFrame:
    """Read a Parquet table, or some of its columns."""
    checksums.check(path)
    return pd.read_parquet(path, columns=columns)


def row_count(path: Path | str) -> int:
    """The number of rows of a Parquet table, without reading them."""
    from pyarrow import parquet

    rows: int = parquet.read_metadata(path).num_rows
    return rows


def write_array(path: Path | str, array: np.ndarray) -> None:
    """Write one array as npy.

    Raises:
        ValueError: if the array holds objects, which would be pickled.
    """
    with replacing(path) as scratch, scratch.open("wb") as file:
        np.save(file, array, allow_pickle=False)


def read_array(path: Path | str) -> np.ndarray:
    """Read one array from npy.

    Raises:
        ValueError: if the array is pickled.
    """
    checksums.check(path)
    return np.load(path, allow_pickle=False)


def map_array(path: Path | str) -> np.ndarray:
    """Memory-map one array from npy: parts that are not used need no memory, and changes are not written.

    Raises:
        ValueError: if the array is pickled.
    """
    checksums.check(path)
    return np.load(path, mmap_mode="c", allow_pickle=False)


def write_figure(path: Path | str, figure: "Figure") -> None:
    """Write a matplotlib figure as PNG, without the version of matplotlib in its metadata."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)  # savefig draws every figure twice
    with replacing(path) as scratch:
        canvas.print_png(str(scratch), metadata={"Software": None})


def write_tensors(path: Path | str, tensors: "dict[str, torch.Tensor]") -> None:
    """Write named tensors as safetensors, without metadata, whose order would vary."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with replacing(path) as scratch:
        try:
            save_file({name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}, scratch)
        except SafetensorError as error:  # it hides the error of the system
            number = re.search(r"os error (\d+)", str(error))
            raise OSError(int(number[1]), str(error), str(path)) if number else error from None


def read_tensors(path: Path | str) -> "dict[str, torch.Tensor]":
    """Read named tensors; they are on the CPU."""
    from safetensors.torch import load_file

    checksums.check(path)
    return load_file(path)


def write_sealed(path: Path | str, tensors: "dict[str, torch.Tensor]") -> None:
    """`write_tensors`, with a hash of the tensors in the file itself, for single files that `read_sealed` reads."""
    import torch

    write_tensors(path, tensors | {SEAL: torch.frombuffer(bytearray(_seal(tensors)), dtype=torch.uint8)})


def read_sealed(path: Path | str) -> "dict[str, torch.Tensor]":
    """Read what `write_sealed` wrote.

    Raises:
        DamagedError: if it is not what was written.
    """
    from safetensors import SafetensorError

    try:
        tensors = read_tensors(path)
    except SafetensorError as error:
        raise DamagedError(f"{path}: damaged ({error}); delete it, and it is made again") from None
    seal = tensors.pop(SEAL, None)
    if seal is None or bytes(seal.tolist()) != _seal(tensors):
        raise DamagedError(f"{path}: damaged: its hash differs; delete it, and it is made again")
    return tensors


def _seal(tensors: "dict[str, torch.Tensor]") -> bytes:
    """A hash of names, types, shapes and values."""
    import torch

    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}\n".encode())
        if tensor.numel():  # torch cannot view nothing as bytes
            digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return digest.digest()


class Member(NamedTuple):
    """Where the bytes of one picture are stored.

    Attributes:
        shard: file name of the shard.
        offset: position of the first byte in the shard.
        bytes: number of bytes.
        sha256: their hash.
    """

    shard: str
    offset: int
    bytes: int
    sha256: str


class ShardWriter:
    """Writes named pictures into `folder/00000.tar`, `00001.tar`, ... with headers that never vary.

    A new shard starts once the current one has `shard_bytes` bytes.
    """

    def __init__(self, folder: Path, shard_bytes: int = SHARD_BYTES):
        self.folder, self.shard_bytes = folder, shard_bytes
        self.count, self.tar = 0, self._open(0)

    def _open(self, index: int) -> tarfile.TarFile:
        return tarfile.open(self.folder / f"{index:05}.tar", "w", format=tarfile.PAX_FORMAT)

    def add(self, name: str, blob: bytes) -> Member:
        """Append `blob` under `name`; return where it is stored."""
        if self.tar.offset >= self.shard_bytes:
            self.tar.close()
            self.count += 1
            self.tar = self._open(self.count)
        header = tarfile.TarInfo(name)  # its defaults are fixed: mtime 0, mode 644, no owner
        header.size = len(blob)
        self.tar.addfile(header, io.BytesIO(blob))
        padded = -(-len(blob) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        digest = hashlib.sha256(blob).hexdigest()
        return Member(f"{self.count:05}.tar", self.tar.offset - padded, len(blob), digest)

    def close(self) -> None:
        """Finish and close the last shard."""
        self.tar.close()

    def __enter__(self) -> "ShardWriter":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_shards(folder: Path | str) -> Iterator[tuple[str, bytes]]:
    """All pictures of a folder of shards as (name, bytes), in the order in which they were written.

    Raises:
        UserError: if a shard holds something other than regular files.
    """
    for path in sorted(Path(folder).glob("*.tar")):
        checksums.check(path)
        with tarfile.open(path) as tar:
            for header in tar:
                file = tar.extractfile(header)
                if file is None:
                    raise UserError(f"{path}: {header.name!r} is not a regular file; run `dvc repro raw`")
                yield header.name, file.read()


def members(manifest: pd.DataFrame) -> Iterator[Member]:
    """Where the pictures of a manifest are stored, row by row, from its columns of these names."""
    return map(Member._make, manifest[list(Member._fields)].itertuples(index=False, name=None))


def read_members(folder: Path | str, members: Iterable[Member]) -> Iterator[bytes]:
    """The bytes of each picture in `members`, which may be in any order.

    Raises:
        DamagedError: if they are not those that were stored.
    """
    opened: dict[str, io.BufferedReader] = {}
    try:
        for member in members:
            if member.shard not in opened:
                opened[member.shard] = (Path(folder) / member.shard).open("rb")
            opened[member.shard].seek(member.offset)
            blob = opened[member.shard].read(member.bytes)
            if hashlib.sha256(blob).hexdigest() != member.sha256:
                raise DamagedError(
                    f"{Path(folder) / member.shard}: the picture at byte {member.offset} is damaged; `fusionrec "
                    "verify` says where the right bytes are"
                )
            yield blob
    finally:
        for file in opened.values():
            file.close()
