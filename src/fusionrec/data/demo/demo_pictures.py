"""The pictures of the generated catalogue: posters made of a palette, a motif, a layout and an hour."""

import io
from collections.abc import Callable

import numpy as np
from PIL import ExifTags, Image, ImageDraw

from fusionrec.data.demo.demo_motifs import HOURS, MOTIFS
from fusionrec.data.demo.demo_sheet import PALETTES, PAPER, Colour, Palette, Sheet, Size

SHARPER = 2  # drawn this many times larger and then averaged down, against jagged edges
SIZES: list[Size] = [(240, 320), (320, 240), (288, 288), (256, 320)]
LAYOUTS = ["full", "matted", "medallion", "diptych"]


def draw(rng: np.random.Generator, palette: str, motif: str, layout: str, hour: str) -> Image.Image:
    """A poster of 240 to 320 pixels an edge; what the traits do not decide is drawn from `rng`."""
    width, height = SIZES[rng.integers(len(SIZES))]
    size = width * SHARPER, height * SHARPER
    colours = _vary(rng, PALETTES[palette])

    def panel(part: Size) -> Image.Image:
        sheet = Sheet(part, colours, rng)
        HOURS[hour](sheet)
        MOTIFS[motif](sheet)
        return sheet.image

    return _compose(panel, layout, size, colours).reduce(SHARPER)


def _vary(rng: np.random.Generator, palette: Palette) -> Palette:
    def shift(colour: Colour) -> Colour:
        red, green, blue = (int(c) for c in np.clip(np.array(colour) + rng.integers(-12, 13, 3), 0, 255))
        return red, green, blue

    return Palette(shift(palette.light), shift(palette.dark), [shift(colour) for colour in palette.accents])


def _compose(panel: Callable[[Size], Image.Image], layout: str, size: Size, palette: Palette) -> Image.Image:
    width, height = size
    margin = min(size) // 7
    if layout == "full":
        return panel(size)
    if layout == "matted":
        board = Image.new("RGB", size, PAPER)
        board.paste(panel((width - 2 * margin, height - 2 * margin)), (margin, margin))
        return board
    if layout == "medallion":
        edge = min(size) - margin
        board, disc = Image.new("RGB", size, palette.accents[3]), Image.new("L", (edge, edge), 0)
        ImageDraw.Draw(disc).ellipse((0, 0, edge - 1, edge - 1), fill=255)
        board.paste(panel((edge, edge)), ((width - edge) // 2, (height - edge) // 2), disc)
        return board
    board, gap = Image.new("RGB", size, PAPER), margin // 3
    half = (width - 3 * gap) // 2, height - 2 * gap
    for left in (gap, 2 * gap + half[0]):
        board.paste(panel(half), (left, gap))
    return board


def encode(image: Image.Image, suffix: str) -> bytes:
    """The bytes of a file in the format of the suffix: .jpg, .png or .webp."""
    buffer = io.BytesIO()
    formats = {".jpg": "JPEG", ".png": "PNG", ".webp": "WEBP"}
    image.save(buffer, formats[suffix], quality=88)
    return buffer.getvalue()


def encode_turned(image: Image.Image) -> bytes:
    """A JPEG as a rotated camera writes it: lying on its side, with an EXIF entry that says how to turn it."""
    buffer, exif = io.BytesIO(), Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # a quarter turn clockwise makes it upright
    image.transpose(Image.Transpose.ROTATE_90).save(buffer, "JPEG", quality=88, exif=exif)
    return buffer.getvalue()
