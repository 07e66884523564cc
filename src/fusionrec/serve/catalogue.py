"""What the service shows of items: titles and thumbnails."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fusionrec import files
from fusionrec.recommend import packing
from fusionrec.recommend.additions import THUMBNAIL, Addition
from fusionrec.recommend.engine import Engine


class Catalogue:
    """The items of a packed model, and then those that were added.

    Args:
        engine: makes lists of all these items.
        folder: the packed model.
        added: the items at the end.

    Attributes:
        titles: of all items.
    """

    def __init__(self, engine: Engine, folder: Path, added: Sequence[Addition] = ()):
        self.engine, self.folder, self.added = engine, folder, added
        self.titles: list[str] = engine.split.items["title"].tolist()

    def find(self, query: str, offset: int, k: int) -> dict[str, Any]:
        """Items whose title or id contains all words of a query, in the order of the catalogue."""
        words = query.casefold().split()
        found = [row for row, text in enumerate(self._texts) if all(word in text for word in words)]
        items = [
            {"item_id": self.engine.item_ids[row], "title": self.titles[row], "picture": self._pictured(row)}
            for row in found[offset : offset + k]
        ]
        return {"items": items, "total": len(found)}

    def picture(self, item_id: str) -> bytes | None:
        """The thumbnail of an item; None if there is none."""
        row = int(self.engine.items.get_indexer(pd.Index([item_id], dtype=object))[0])
        if row < 0 or not self._pictured(row):
            return None
        if row >= self._own:
            return (self.added[row - self._own].folder / THUMBNAIL).read_bytes()
        assert self._manifest is not None
        (blob,) = files.read_members(
            self.folder / packing.PICTURES, files.members(self._manifest.iloc[[row]])
        )
        return blob

    @property
    def _own(self) -> int:
        return len(self.titles) - len(self.added)

    def _pictured(self, row: int) -> bool:
        if row >= self._own:
            return (self.added[row - self._own].folder / THUMBNAIL).is_file()
        return bool(self._places[row] >= 0)

    @cached_property
    def _texts(self) -> list[str]:
        pairs = zip(self.titles, self.engine.item_ids, strict=True)
        return [f"{title} {item}".casefold() for title, item in pairs]

    @cached_property
    def _manifest(self) -> pd.DataFrame | None:
        path = self.folder / packing.PICTURES / "manifest.parquet"
        return files.read_table(path) if path.is_file() else None

    @cached_property
    def _places(self) -> np.ndarray:
        """int64 [own items]: where the thumbnail is in its shard, -1 without one."""
        return np.full(self._own, -1) if self._manifest is None else self._manifest["offset"].to_numpy()
