"""Vectors that came with the data stand in place of an encoder: `model.vision: given`, `model.audio: given`."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from fusionrec import files
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.encoders.cache import Filled
from fusionrec.errors import UserError

NAME = "given"  # instead of the name of an encoder


def read(folder: Path | str, modality: str, item_ids: list[str]) -> EncoderVectors:
    """The vectors of the catalogue, zeros for items that have none.

    Args:
        folder: of the modality's vectors, as the stage raw writes them: vectors.npy and item_ids.json.
        modality: for messages.
        item_ids: of the catalogue.

    Raises:
        UserError: if no item has a vector.
    """
    folder = Path(folder)
    matrix = files.read_array(folder / "vectors.npy")
    place = pd.Index(files.read_json(folder / "item_ids.json"), dtype="str").get_indexer(item_ids)
    present = place >= 0
    if not present.any():
        raise UserError(
            f"model.{modality} is {NAME}, but no item has a vector; name files in raw.vectors.{modality}, and check "
            "their ids"
        )
    features = np.zeros((len(item_ids), matrix.shape[1]), np.float32)
    features[present] = matrix[place[present]]
    return EncoderVectors(features, present, np.zeros((len(item_ids), 0, 0), np.float32))


def fill(path: Path, folder: Path | str, modality: str, item_ids: list[str]) -> Filled:
    """Write features.npy, float32 [items, width], at `path`; the other arguments and errors are those of `read`."""
    vectors = read(folder, modality, item_ids)
    files.write_array(path, vectors.matrix)
    digest = hashlib.sha256(files.read_array(Path(folder) / "vectors.npy").tobytes()).hexdigest()
    count = int(vectors.present.sum())
    return Filled(vectors, {"weights": NAME, "sha256": digest}, count, count)
