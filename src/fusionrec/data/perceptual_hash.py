"""Perceptual hashes: pictures that look alike have hashes that differ in few bits."""

from collections.abc import Iterable

import imagehash
import numpy as np
from PIL import Image

BITS = 64
MIN_ONES = 16
REDUCED = 64


def perceptual_hash(image: Image.Image) -> str | None:
    """The DCT hash of `image` ("pHash", Zauner 2010), or None if it would carry no information.

    A bit is one if a coefficient is above the median of the 64 lowest frequencies, so half of the bits are
    ones unless coefficients are equal. Without detail they are equal: for a single colour, a ramp or stripes
    nearly all are zero, and such pictures would look alike whatever they show.

    The hash depends on shapes, not on colours. It is the same on every x86-64 CPU: SciPy's transform has no
    variants for instruction sets.

    Args:
        image: in mode RGB or L.

    Returns:
        16 hexadecimal digits.
    """
    digits = str(imagehash.phash(reduced(image)))
    return digits if int(digits, 16).bit_count() >= MIN_ONES else None


def reduced(image: Image.Image) -> Image.Image:
    """The picture with averages of square blocks as pixels; its shorter edge has 64 to 127 of them, if not fewer.

    The hash of a reduced picture is that of the picture; imagehash resizes to 32 x 32.
    """
    return image.reduce(max(1, min(image.size) // REDUCED))


def to_integers(hashes: Iterable[str]) -> np.ndarray:
    """Hashes as uint64 [n], whose bits can be counted."""
    return np.array([int(digits, 16) for digits in hashes], np.uint64)
