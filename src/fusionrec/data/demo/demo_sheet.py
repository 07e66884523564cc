"""What the pictures of the generated catalogue are drawn with: palettes, and a sheet with shapes."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

Colour = tuple[int, int, int]
Size = tuple[int, int]

PAPER: Colour = (250, 247, 240)


class Palette(NamedTuple):
    """A light and a dark background and four colours that go with both."""

    light: Colour
    dark: Colour
    accents: list[Colour]


def _palette(light: str, dark: str, *accents: str) -> Palette:
    colours = [(int(c[:2], 16), int(c[2:4], 16), int(c[4:], 16)) for c in (light, dark, *accents)]
    return Palette(colours[0], colours[1], colours[2:])


PALETTES = {
    "terracotta": _palette("f8e3d4", "5c1f16", "c8442c", "e8825a", "a02c1e", "f2b08c"),
    "ocean": _palette("dcecf5", "0c2a4d", "1f6fb2", "58a9dc", "134b86", "9cd0ee"),
    "forest": _palette("e4efd9", "14351f", "2f7d3b", "7ab55c", "1d5a2c", "b4d58f"),
    "sunflower": _palette("fff5cf", "5a4206", "f2b705", "ffd84a", "d18f00", "ffe99a"),
    "lavender": _palette("ece4f6", "2d1a4f", "7a48b8", "b08be0", "562c92", "d2bdf2"),
    "blush": _palette("fde6ee", "5e1438", "e0447f", "f58cb2", "b3245e", "fbc0d4"),
    "ink": _palette("f2f2f2", "141414", "3a3a3a", "8c8c8c", "222222", "c4c4c4"),
    "carnival": _palette("fdf3dc", "1d2350", "e8412f", "17a398", "f6b820", "3b5bd0"),
}


class Sheet:
    """A drawing surface in coordinates from 0 to 1 on both axes."""

    def __init__(self, size: Size, palette: Palette, rng: np.random.Generator):
        self.image = Image.new("RGB", size, palette.light)
        self.draw = ImageDraw.Draw(self.image)
        self.size, self.palette, self.rng = size, palette, rng
        self.aspect = size[0] / size[1]

    def polygon(self, points: list[tuple[float, float]], colour: Colour) -> None:
        """A filled outline through `points`."""
        width, height = self.size
        self.draw.polygon([(x * width, y * height) for x, y in points], fill=colour)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """A filled rectangle."""
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], colour)

    def disc(self, x: float, y: float, radius: float, colour: Colour) -> None:
        """A circle; `radius` is a share of the shorter edge."""
        width, height = self.size
        r = radius * min(self.size)
        self.draw.ellipse((x * width - r, y * height - r, x * width + r, y * height + r), fill=colour)

    def accent(self, index: int) -> Colour:
        """One of the palette's four colours; they repeat."""
        return self.palette.accents[index % len(self.palette.accents)]

    def between(self, low: float, high: float) -> float:
        """A random number."""
        return float(self.rng.uniform(low, high))


def mix(a: Colour, b: Colour, share: float) -> Colour:
    """`share` of b in a."""
    red, green, blue = (round(x + (y - x) * share) for x, y in zip(a, b, strict=True))
    return red, green, blue
