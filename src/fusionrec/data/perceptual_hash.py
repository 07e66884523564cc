"""Perceptual hashes: pictures that look alike have hashes that differ in few bits."""

from collections.abc import Iterable

import imagehash
import numpy as np
from PIL import Image

BITS = 64
MIN_ONES = 16
REDUCED = 64


def perceptual_hash(image: Image.Image) -> str | None:
    """The DCT hash of `image` ("pHash", Zauner 2010), or None where it would say nothing.

    A bit is one where a coefficient is above the median of the 64 lowest frequencies, so that half of the
    bits are ones unless coefficients are equal. They are where a picture has no detail: in a single colour,
    a ramp or stripes all but a few are zero, and such pictures would seem alike whatever they show.

    The hash sees shapes, not colours. It is the same on every x86-64 CPU: SciPy's transform has no variants
    for instruction sets.

    Args:
        image: in mode RGB or L.

    Returns:
        16 hexadecimal digits.
    """
    small = image.reduce(max(1, min(image.size) // REDUCED))  # by averaging; the rest is 32 x 32 in any case
    digits = str(imagehash.phash(small))
    return digits if int(digits, 16).bit_count() >= MIN_ONES else None


def to_integers(hashes: Iterable[str]) -> np.ndarray:
    """Hashes as [n] uint64, whose bits can be counted."""
    return np.array([int(digits, 16) for digits in hashes], np.uint64)
