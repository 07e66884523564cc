"""Every reader of foreign bytes as a function of bytes: it answers, or refuses with a `UserError`; all else is a bug.

A target gets a scratch folder and the bytes. `seeds` are what mutations start from: right and wrong files.
"""

import hashlib
import io
import json
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import torch
from tests.hostile import pictures_corpus, tables_corpus

from fusionrec import sections
from fusionrec.data import images
from fusionrec.data.reading import download, tables, vectors
from fusionrec.data.reading.csv_files import Column
from fusionrec.data.reading.tables import Format
from fusionrec.encoders import store
from fusionrec.errors import UserError
from fusionrec.models import checkpoint

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "tests/fixtures/schema_3/model"  # has no SHA256SUMS, which would refuse any change
PLAIN = Format(delimiter=",", encoding="utf-8", decimal=".", time=None)
ITEMS = {"item_id": Column("item_id"), "title": Column("title"), "category_genres": Column("genres")}
PAIRS = {"user_id": Column("user"), "item_id": Column("item")}
LARGEST = 1 << 16  # bytes of a seed
RECIPE, KEYS = {"model": "some"}, [b"one", b"two"]
VECTORS = np.arange(8, dtype=np.float32).reshape(2, 4)
Target = Callable[[Path, bytes], object]


def table(name: str, wanted: dict[str, Column], folder: Path, blob: bytes) -> None:
    """A table with the ending of `name`."""
    (folder / name).write_bytes(blob)
    read = tables.read(folder / name, "items", wanted, PLAIN, ["item_id"])
    assert list(read.table) == ["row", *wanted] and read.table["row"].is_unique


def picture(folder: Path, blob: bytes) -> None:
    """A picture: kept, encoded again, or refused with one reason."""
    prepared = images.prepare(blob, pictures_corpus.OPTIONS)
    assert (prepared.blob is None) != (prepared.reason is None)


def array(folder: Path, blob: bytes) -> None:
    """An array of vectors that came with the data."""
    (folder / "v.npy").write_bytes(blob)
    named: Any = [SimpleNamespace(file="v.npy", ids=None)]
    given = vectors.read(folder, named, "raw.vectors.vision", pd.Series(["a", "b"]), {"a", "b"})
    assert len(given.ids) == len(given.matrix) and np.isfinite(given.matrix).all()


def ids(folder: Path, blob: bytes) -> None:
    """The ids of such vectors."""
    np.save(folder / "v.npy", VECTORS)
    (folder / "ids.json").write_bytes(blob)
    named: Any = [SimpleNamespace(file="v.npy", ids="ids.json")]
    vectors.read(folder, named, "raw.vectors.vision", None, {"a", "b"})


def parameters(folder: Path, blob: bytes) -> None:
    """params.yaml."""
    (folder / "params.yaml").write_bytes(blob)
    try:
        sections.load(folder / "params.yaml")
    except UserError as error:
        assert len(str(error)) < 40_000
        raise


def model(name: str, folder: Path, blob: bytes) -> None:
    """A model's folder with one file of other bytes."""
    shutil.copytree(MODEL, folder / "model", dirs_exist_ok=True)
    (folder / "model" / name).write_bytes(blob)
    loaded = checkpoint.load(folder / "model", torch.device("cpu"))
    assert len(loaded.item_ids) > 0


def stored(folder: Path, blob: bytes) -> None:
    """A file of stored vectors: it gives the right ones or none."""
    path = folder / _store_name()
    store.delete(path)
    path.write_bytes(blob)
    store.damage(path)
    with store.Store(folder, RECIPE, 1e9, lambda _: None) as opened:
        for rows, found in opened.read(KEYS, 4):
            assert np.array_equal(found, VECTORS[rows])


def answer(folder: Path, blob: bytes) -> None:
    """What a server sends: the body, or a reason why there is none."""
    limits = download.Download(connections=1, attempts=1, timeout=0.5, max_bytes=1000)
    with served(blob) as url, closing(download.session(limits, private=True)) as web:
        web.max_redirects = 0  # no other address is ever asked
        with suppress(download.Failure):
            assert len(download._get(url, web, limits)) <= limits.max_bytes


@contextmanager
def served(blob: bytes) -> Iterator[str]:
    """The address of a server that sends these bytes once, whatever it is asked."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def send() -> None:
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    connection.recv(1 << 16)
                    connection.sendall(blob)

        thread = threading.Thread(target=send, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/a.jpg"
        with suppress(OSError), socket.create_connection(server.getsockname()):
            pass  # ends the thread if nothing was asked
        thread.join(5)


def _store_name() -> str:
    return f"{hashlib.sha256(json.dumps(RECIPE, sort_keys=True).encode()).hexdigest()}.sqlite"


def _stored_seed(folder: Path) -> bytes:
    with store.Store(folder, RECIPE, 1e9, lambda _: None) as opened:
        opened.add(KEYS, VECTORS)
    return (folder / _store_name()).read_bytes()


def _tables(cases: dict[str, tables_corpus.Case], name: str, good: bytes) -> list[bytes]:
    return [good, *(case.files[name] for case in cases.values() if name in case.files)]


def _parquet() -> bytes:
    frame = pd.DataFrame(
        {"item_id": ["1", "2"], "title": ["x", None], "genres": [["a"], ["b"]], "at": [1.5, None]}
    )
    buffer = io.BytesIO()
    frame.to_parquet(buffer)
    return buffer.getvalue()


def _npy(array: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


ANSWERS = [
    b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x\r\nabc\r\n0\r\nT:1\r\n\r\n",
    b"HTTP/1.0 301 Moved\r\nLocation: //[::1]:x/\r\nSet-Cookie: a=b; expires=0\r\n\r\n",
    b"HTTP/1.1 404 \xff\r\nContent-Encoding: gzip\r\n\r\n",
]
TARGETS: dict[str, Target] = {
    "csv": partial(table, "t.csv", ITEMS),
    "gzip": partial(table, "t.csv.gz", ITEMS),
    "jsonl": partial(table, "t.jsonl", ITEMS),
    "mapping": partial(table, "t.json", PAIRS),
    "parquet": partial(table, "t.parquet", ITEMS),
    "picture": picture,
    "array": array,
    "ids": ids,
    "parameters": parameters,
    "config": partial(model, "config.json"),
    "preparation": partial(model, "preparation.json"),
    "safetensors": partial(model, "model.safetensors"),
    "store": stored,
    "answer": answer,
}


def seeds(name: str, folder: Path) -> list[bytes]:
    """Files that the mutations of a target start from.

    Args:
        name: of the target.
        folder: an empty one, to write into.
    """
    import gzip

    good = tables_corpus.GOOD_ITEMS.encode()
    found: dict[str, Callable[[], list[bytes]]] = {
        "csv": lambda: _tables(tables_corpus.CSV, "items.csv", good),
        "gzip": lambda: [gzip.compress(good, mtime=0), good],
        "jsonl": lambda: _tables(
            tables_corpus.JSON_LINES, "meta.jsonl", b'{"item_id": 1, "title": "x", "genres": ["a", "b"]}\n'
        ),
        "mapping": lambda: [b'{"u1": [3, 5], "u2": ["a"]}', b'{"user": "u", "item": "i"}\n'],
        "parquet": lambda: [_parquet()],
        "picture": lambda: [kind.blob for kind in pictures_corpus.CORPUS],
        "array": lambda: [_npy(VECTORS), _npy(VECTORS.astype("f8")), _npy(np.arange(2))],
        "ids": lambda: [b'["a", "b"]', b'{"a": 1, "b": 0}'],
        "parameters": lambda: [(ROOT / "params.yaml").read_bytes()],
        "config": lambda: [(MODEL / "config.json").read_bytes()],
        "preparation": lambda: [(MODEL / "preparation.json").read_bytes()],
        "safetensors": lambda: [(MODEL / "model.safetensors").read_bytes()],
        "store": lambda: [_stored_seed(folder)],
        "answer": lambda: ANSWERS,
    }
    return [blob for blob in found[name]() if len(blob) <= LARGEST or name == "store"]
