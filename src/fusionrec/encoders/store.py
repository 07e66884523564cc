"""Vectors that were encoded once, kept for later runs: a SQLite file for each recipe, a row for each input.

A vector depends on the bytes of its input and on its recipe only, so a vector from the store equals one from the
encoder. The store only saves time: without it a run is slower, and its outputs are the same.
"""

import contextlib
import hashlib
import json
import math
import os
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

SECONDS = 2  # between writes: a killed run loses the vectors of this time
WAIT = 60  # seconds to wait for a write of another process, which takes a fraction of a second
CHUNK = 500  # rows per query
SLACK = 0.1  # share of the vectors that is deleted in addition, so that not every write has to delete
UNUSABLE = (
    OSError,
    sqlite3.OperationalError,
)  # the disk is full or read-only, or somebody else writes for too long
# a damaged schema is text that is not UTF-8; a damaged row has values of other types
WRONG = (sqlite3.DatabaseError, sqlite3.InterfaceError, UnicodeError, TypeError, ValueError, OverflowError)
SCHEMA = """
    PRAGMA page_size = 65536;
    PRAGMA auto_vacuum = INCREMENTAL;
    CREATE TABLE IF NOT EXISTS recipe (text TEXT PRIMARY KEY);
    CREATE TABLE IF NOT EXISTS vectors (
        id INTEGER PRIMARY KEY, key BLOB NOT NULL UNIQUE, vector BLOB NOT NULL, crc INTEGER NOT NULL
    );
"""


class Store:
    """The vectors of one recipe, for several processes at once; a context manager that writes pending vectors.

    A damaged file is deleted; a file that disappears is created again; if no file can be written, the store is
    off. Each time `note` is called with a line to show.

    Args:
        folder: contains the files of all recipes.
        recipe: everything that a vector depends on besides its input; must be serialisable as JSON.
        limit: bytes of all files; above it the least recently used recipes are deleted first, then the oldest
            vectors. 0: the store is off.
        note: is called with a line of text if something is wrong.
    """

    def __init__(self, folder: Path, recipe: dict[str, Any], limit: float, note: Callable[[str], object]):
        self.recipe = json.dumps(recipe, sort_keys=True)
        self.path = folder / f"{hashlib.sha256(self.recipe.encode()).hexdigest()}.sqlite"
        self.limit, self.note = limit, note
        self._database: sqlite3.Connection | None = None
        self._file = 0  # its inode, which tells whether `path` is still the same file
        self._waiting: list[tuple[bytes, bytes, int]] = []
        self._written = time.monotonic()
        if limit:
            self._guarded(self._open)

    def __enter__(self) -> "Store":
        return self

    def __exit__(self, *_: object) -> None:
        self._guarded(self._write)
        self._close()

    def width(self) -> int | None:
        """Width of the vectors; None if there are none."""
        rows = self._guarded(self._query, "SELECT length(vector) FROM vectors LIMIT 1")
        return rows[0][0] // 4 if rows else None

    def read(self, keys: Sequence[bytes], width: int) -> Iterator[tuple[list[int], np.ndarray]]:
        """The stored vectors of `keys`, some at a time.

        Yields:
            Positions in `keys`, and the vectors, float32 [n, width].
        """
        for start in range(0, len(keys), CHUNK):
            place = {key: start + i for i, key in enumerate(keys[start : start + CHUNK])}
            stored = self._guarded(self._rows, list(place), width)
            if stored:
                vectors = np.frombuffer(b"".join(stored.values()), "<f4").reshape(-1, width)
                yield [place[key] for key in stored], vectors

    def add(self, keys: Sequence[bytes], vectors: np.ndarray) -> None:
        """Store `vectors`, float32 [n, width], of n inputs; they are written together, every few seconds."""
        if self._database is None:
            return
        blobs = [vector.tobytes() for vector in vectors.astype("<f4", copy=False)]
        self._waiting += [(key, blob, _crc(key, blob)) for key, blob in zip(keys, blobs, strict=True)]
        if time.monotonic() - self._written > SECONDS:
            self._guarded(self._write)

    def _guarded(self, action: Callable[..., T], *arguments: Any) -> T | None:
        """Result of `action`; None if it fails, because a problem of the store must not stop the run."""
        try:
            return action(*arguments)
        except UNUSABLE as error:
            self._close()
            self.note(f"{self.path}: not used any more, all vectors are encoded: {error}")
        except WRONG as error:
            self._close()
            self.note(f"{self.path}: damaged and deleted: {error}")
            self._guarded(self._recreate)
        return None

    def _recreate(self) -> None:
        delete(self.path)
        self._open()

    def _open(self) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._database = sqlite3.connect(self.path, timeout=WAIT, isolation_level="IMMEDIATE")
        # for speed: a crash of the machine may damage the file, one of the process cannot
        self._database.execute("PRAGMA synchronous = OFF")
        self._database.executescript(SCHEMA)
        with self._database:
            self._database.execute("INSERT OR IGNORE INTO recipe VALUES (?)", [self.recipe])
        if self._query("SELECT text FROM recipe") != [(self.recipe,)]:
            raise sqlite3.DatabaseError("it belongs to another recipe")
        os.utime(self.path)
        self._file = self.path.stat().st_ino

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
        self._database, self._waiting = None, []

    def _query(self, text: str, values: Sequence[bytes] = ()) -> list[Any]:
        return self._database.execute(text, values).fetchall() if self._database else []

    def _rows(self, keys: list[bytes], width: int) -> dict[bytes, bytes]:
        marks = ", ".join("?" * len(keys))
        rows = self._query(f"SELECT key, vector, crc FROM vectors WHERE key IN ({marks})", keys)
        for key, blob, crc in rows:
            if not _intact(key, blob, crc) or len(blob) != 4 * width:
                raise sqlite3.DatabaseError("a vector is not what was written")
        return {key: blob for key, blob, _ in rows}

    def _write(self) -> None:
        if self._database is None:
            return
        if not self.path.exists() or self.path.stat().st_ino != self._file:  # somebody deleted it
            self._database.close()
            self._open()
        with self._database:
            rows = "INSERT OR IGNORE INTO vectors (key, vector, crc) VALUES (?, ?, ?)"
            self._database.executemany(rows, self._waiting)
        self._waiting, self._written = [], time.monotonic()
        self._bound()

    def _bound(self) -> None:
        """Delete files and vectors until all files together are within `limit`."""
        others = [path for path in self.path.parent.glob("*.sqlite") if path != self.path]
        total = self.path.stat().st_size
        for path in sorted(others, key=_used, reverse=True):
            total += _size(path)
            if total > self.limit:
                delete(path)
        excess = 1 - self.limit / self.path.stat().st_size
        ((oldest, newest),) = self._query("SELECT min(id), max(id) FROM vectors")
        if excess > 0 and oldest is not None and self._database:
            last = oldest + math.ceil((newest - oldest + 1) * (excess + SLACK))
            with self._database:
                self._database.execute("DELETE FROM vectors WHERE id <= ?", [last])
            self._database.executescript("PRAGMA incremental_vacuum")  # `execute` would free one page


def damage(path: Path) -> str | None:
    """What is wrong with a file of vectors; None if each is what was written."""
    try:
        with contextlib.closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as database:
            ((verdict,),) = database.execute("PRAGMA quick_check(1)")
            rows = database.execute("SELECT key, vector, crc FROM vectors")
            wrong = sum(not _intact(*row) for row in rows)
            ((recipe,),) = database.execute("SELECT text FROM recipe")
    except (*UNUSABLE, *WRONG) as error:
        return f"damaged: {error}"
    if verdict != "ok" or hashlib.sha256(recipe.encode()).hexdigest() != path.stem:
        return f"damaged: {verdict if verdict != 'ok' else 'it belongs to another recipe'}"
    return f"damaged: {wrong} vectors are not what was written" if wrong else None


def delete(path: Path) -> None:
    """Delete a file of vectors, with what SQLite keeps beside it."""
    for name in (path, path.with_name(f"{path.name}-journal")):
        name.unlink(missing_ok=True)


def _intact(key: object, blob: object, crc: object) -> bool:
    """Whether a row is what was written: damage can turn a value into one of another type."""
    return isinstance(key, bytes) and isinstance(blob, bytes) and _crc(key, blob) == crc


def _crc(key: bytes, blob: bytes) -> int:
    return zlib.crc32(blob, zlib.crc32(key))


def _used(path: Path) -> float:
    return path.stat().st_mtime if path.exists() else 0


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
