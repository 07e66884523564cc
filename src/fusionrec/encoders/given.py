"""Vectors that came with the data stand in place of an encoder: `model.vision: given`, `model.language: given`."""

import hashlib
from pathlib import Path

import numpy as np
import pandas as pd

from fusionrec import files
from fusionrec.data.encoder_vectors import EncoderVectors
from fusionrec.encoders.cache import Filled
from fusionrec.errors import UserError

NAME = "given"  # instead of the name of an encoder


def fill(path: Path, folder: Path | str, modality: str, item_ids: list[str]) -> Filled:
    """Write features.npy, float32 [items, width], with zeros for items that have no vector.

    Args:
        path: of features.npy.
        folder: of the modality's vectors, as the stage raw writes them: vectors.npy and item_ids.json.
        modality: vision or language, for messages.
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
    files.write_array(path, features)
    digest = hashlib.sha256(matrix.tobytes()).hexdigest()
    empty = np.zeros((len(item_ids), 0, 0), np.float32)
    card = {"weights": NAME, "sha256": digest}
    return Filled(EncoderVectors(features, present, empty), card, int(present.sum()), int(present.sum()))
