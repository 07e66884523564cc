"""What is encoded: the distinct pictures or texts of a catalogue, identified by their hashes."""

import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fusionrec import files

ROWS = 4096  # taken from a table at a time

Row = tuple[Any, ...]


class Inputs(NamedTuple):
    """The pictures or texts of a catalogue.

    Attributes:
        keys: [items], sha256 of the item's picture or text; None if it has none.
        table: one row per item, which is sent to the process that encodes the item.
        read: turns rows into inputs of an encoder, in that process.
    """

    keys: list[bytes | None]
    table: pd.DataFrame
    read: Callable[[list[Row]], list[Any]]

    def distinct(self) -> tuple[np.ndarray, np.ndarray]:
        """Which inputs to encode, and which items share them.

        Returns:
            int64 [items], the number of each item's key, -1 if it has none; and int64 [distinct], the first item
            with each key, in the order of the items.
        """
        number, _ = pd.factorize(np.array(self.keys, object))
        present = np.flatnonzero(number >= 0)
        _, first = np.unique(number[present], return_index=True)
        return number, present[first]

    def rows(self, items: np.ndarray) -> Iterator[tuple[int, Row]]:
        """Number and row of each of `items` (int64 [n]), read as they are needed: the table is not copied."""
        for some in np.array_split(items, len(items) // ROWS + 1):
            yield from zip(
                some.tolist(), self.table.iloc[some].itertuples(index=False, name=None), strict=True
            )


def pictures(manifest: pd.DataFrame, folder: Path | str) -> Inputs:
    """The pictures of a manifest, with columns status, sha256, shard, offset and bytes; `folder` has the shards."""
    there = zip(manifest["sha256"], manifest["status"] == "ok", strict=True)
    keys = [bytes.fromhex(sha256) if ok else None for sha256, ok in there]
    return Inputs(keys, manifest[list(files.Member._fields)], functools.partial(_pictures, folder))


def texts(table: pd.Series) -> Inputs:
    """One text per item; an empty text counts as absent."""
    keys = [hashlib.sha256(text.encode()).digest() if text else None for text in table]
    return Inputs(keys, table.to_frame(), _texts)


def _pictures(folder: Path | str, rows: list[Row]) -> list[bytes]:
    return list(files.read_members(folder, map(files.Member._make, rows)))


def _texts(rows: list[Row]) -> list[str]:
    return [text for (text,) in rows]
