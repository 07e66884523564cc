"""Reading of cached encoder vectors: one row per item, checked against the catalogue."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from fusionrec import files
from fusionrec.errors import UserError

NO_TOKENS = np.zeros((0, 0, 0), np.float32)


class EncoderVectors(NamedTuple):
    """Encoder vectors of the catalogue.

    `load` memory-maps the files: parts that are not read need no memory, and changes are not written to the files.

    Attributes:
        matrix: float32 [items, width], zeros for absent items; width 0 if the modality is off.
        present: bool [items], which items have a picture or text.
        tokens: float32 [items, tokens, width of a token], an item's patches or words in order, pooled to this
            number; zeros for absent items; [items, 0, 0] if `cache.tokens` is 0.
    """

    matrix: np.ndarray
    present: np.ndarray
    tokens: np.ndarray = NO_TOKENS


def load(folder: Path | str, item_ids: list[str]) -> EncoderVectors:
    """Read the cache in `folder`.

    Raises:
        UserError: if a file is missing, or the rows are not exactly `item_ids`.
    """
    folder = Path(folder)
    try:
        stored = files.read_json(folder / "item_ids.json")
        matrix = files.map_array(folder / "features.npy")
        tokens = np.zeros((len(matrix), 0, 0), np.float32)
        if (folder / "tokens.npy").exists():
            tokens = files.map_array(folder / "tokens.npy")
        vectors = EncoderVectors(matrix, files.read_array(folder / "present.npy"), tokens)
    except FileNotFoundError as error:
        raise UserError(f"{error.filename}: not found; run `dvc repro`") from None
    if stored != item_ids:
        raise UserError(f"{folder}: its items differ from data/splits/items.parquet; run `dvc repro`")
    return vectors
