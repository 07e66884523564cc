"""Colour layouts: which colours a picture has where, and how much two pictures differ in colour."""

from collections.abc import Iterable

import numpy as np
from PIL import Image

GRID = 4
FAINT = 8  # levels of 8 bits: weaker chroma is hardly seen, and changes whenever a JPEG is encoded


def colour_layout(image: Image.Image) -> str:
    """The mean chroma of each cell of a 4 x 4 grid: the colour layout of MPEG-7 without brightness.

    Kasutani and Yamada (ICIP 2001) average YCbCr over a grid of 8 x 8, and keep some coefficients of its DCT. A
    coarser grid needs no DCT; it changes less if a picture is cropped.

    Args:
        image: in mode RGB or L.

    Returns:
        64 hexadecimal digits: Cb and Cr of each cell, row by row, a byte each; 80 means none.
    """
    cells = image.resize((GRID, GRID), Image.Resampling.BOX).convert("YCbCr")
    return np.asarray(cells)[..., 1:].tobytes().hex()


def to_bytes(layouts: Iterable[str]) -> np.ndarray:
    """Layouts as uint8 [n, 32]."""
    return np.array([np.frombuffer(bytes.fromhex(digits), np.uint8) for digits in layouts]).reshape(
        -1, 2 * GRID**2
    )


def points(layouts: np.ndarray) -> np.ndarray:
    """Points whose Euclidean distance says how much layouts differ, relative to how colourful they are.

    A point is the direction and the logarithm of the length of a vector of all chroma, so that a small distance
    is the relative change: 0.1 if the chroma is scaled by 1.1, as by a brighter light, 2 sin(a / 2) if all hues
    turn by the angle a. One constant coordinate, `FAINT`, keeps nearly grey pictures close together.

    Args:
        layouts: uint8 [n, 32].

    Returns:
        float64 [n, 34].
    """
    chroma = (layouts.astype(float) - 128) / GRID  # the length of a row: root mean square over the cells
    vectors = np.hstack([chroma, np.full((len(layouts), 1), FAINT)])
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.hstack([vectors / lengths, np.log(lengths)])
