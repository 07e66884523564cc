"""The motifs of the generated catalogue, and the backgrounds that show the hour of the day."""

import math
from collections.abc import Callable

from PIL import Image, ImageDraw

from fusionrec.data.demo.demo_sheet import PAPER, Colour, Sheet, mix


def _gradient(sheet: Sheet, top: Colour, bottom: Colour) -> None:
    steps = 48
    for step in range(steps):
        sheet.box(0, step / steps, 1, 1, mix(top, bottom, step / (steps - 1)))


def _dawn(sheet: Sheet) -> None:
    _gradient(sheet, sheet.palette.light, mix(sheet.palette.light, sheet.accent(1), 0.7))


def _noon(sheet: Sheet) -> None:
    sheet.box(0, 0, 1, 1, sheet.palette.light)


def _dusk(sheet: Sheet) -> None:
    _gradient(sheet, sheet.palette.dark, mix(sheet.palette.dark, sheet.accent(1), 0.85))


def _night(sheet: Sheet) -> None:
    sheet.box(0, 0, 1, 1, sheet.palette.dark)
    for _ in range(70):
        sheet.disc(
            sheet.between(0, 1), sheet.between(0, 0.8), sheet.between(0.002, 0.006), sheet.palette.light
        )


def _sun(sheet: Sheet) -> None:
    x, y, radius = sheet.between(0.4, 0.6), sheet.between(0.36, 0.46), sheet.between(0.22, 0.28)
    for ring in range(3, 0, -1):
        halo = mix(sheet.image.getpixel((0, 0)), sheet.accent(1), 0.25 * (4 - ring))  # type: ignore[arg-type]
        sheet.disc(x, y, radius * (1 + 0.22 * ring), halo)
    sheet.disc(x, y, radius, sheet.accent(0))
    horizon = y + sheet.between(0.12, 0.2)
    sheet.box(0, horizon, 1, 1, sheet.accent(2))
    for line in range(9):
        top, half = horizon + 0.02 + 0.055 * line, sheet.between(0.08, 0.3)
        sheet.box(x - half, top, x + half, top + 0.012, sheet.accent(3))


def _waves(sheet: Sheet) -> None:
    rows, phase = int(sheet.rng.integers(6, 9)), sheet.between(0, 6)
    lift, length = sheet.between(0.025, 0.045), sheet.between(2.0, 3.2)
    for row in range(rows):
        base = 0.3 + 0.7 * row / rows
        angles = ((x, x * length * 2 * math.pi + phase + 1.7 * row) for x in (s / 60 for s in range(61)))
        line = [(x, base + lift * math.sin(angle)) for x, angle in angles]
        sheet.polygon([*line, (1, 1), (0, 1)], sheet.accent(row))


def _peaks(sheet: Sheet) -> None:
    sheet.disc(sheet.between(0.2, 0.8), sheet.between(0.14, 0.22), 0.07, sheet.accent(3))
    for row in range(4):
        base, count = 0.52 + 0.16 * row, 3 + row % 2
        for peak in range(count):
            x, top = (peak + sheet.between(0.2, 0.8)) / count, base - sheet.between(0.16, 0.32)
            half = sheet.between(0.24, 0.34)
            sheet.polygon([(x - half, 1.1), (x, top), (x + half, 1.1)], sheet.accent(row + 1))
            if row == 0:
                snow = 0.2
                foot = top + snow * (1.1 - top)
                sheet.polygon(
                    [(x - half * snow, foot), (x, top), (x + half * snow, foot)], sheet.palette.light
                )


def _leaves(sheet: Sheet) -> None:
    stems = round(3 * sheet.aspect) + int(sheet.rng.integers(2))
    for stem in range(stems):
        foot = (stem + sheet.between(0.3, 0.7)) / stems
        lean, colour = sheet.between(-0.12, 0.12), sheet.accent(stem)
        for pair in range(8):
            height = pair / 8
            x, y = foot + lean * height * height, 1.0 - 0.86 * height
            length = 0.17 * (1.15 - height)
            for side in (-1, 1):
                _leaf(sheet, (x, y), side * sheet.between(0.75, 0.95), length, colour)
        _leaf(sheet, (foot + lean, 0.14), 0.0, 0.12, colour)
        spine = [(foot + lean * t * t, 1.0 - 0.88 * t) for t in (s / 20 for s in range(21))]
        edge = [(x + 0.008, y) for x, y in reversed(spine)]
        sheet.polygon([(x - 0.008, y) for x, y in spine] + edge, mix(colour, sheet.palette.dark, 0.4))


def _leaf(sheet: Sheet, at: tuple[float, float], turn: float, length: float, colour: Colour) -> None:
    """A pointed oval of `length` heights that grows from `at`; `turn` is its angle from upright."""
    half = [(length * t, 0.34 * length * math.sin(math.pi * t)) for t in (s / 12 for s in range(13))]
    outline = half + [(along, -across) for along, across in reversed(half)]
    sine, cosine = math.sin(turn), math.cos(turn)
    x, y = at
    sheet.polygon(
        [(x + (a * sine + b * cosine) / sheet.aspect, y - a * cosine + b * sine) for a, b in outline], colour
    )


def _tiles(sheet: Sheet) -> None:
    columns = int(sheet.rng.integers(4, 6))
    rows = max(3, round(columns / sheet.aspect))
    width, height = sheet.size[0] / columns, sheet.size[1] / rows
    for row in range(rows):
        for column in range(columns):
            ground, shape = (int(i) for i in sheet.rng.choice(4, 2, replace=False))
            left, top = column * width, row * height
            if sheet.rng.random() < 0.6:  # elsewhere the light shows through
                sheet.draw.rectangle((left, top, left + width, top + height), fill=sheet.accent(ground))
            turn = int(sheet.rng.integers(4))
            x, y = left - width * (turn % 2), top - height * (turn // 2)
            quarter = Image.new("L", (math.ceil(width), math.ceil(height)), 0)
            ImageDraw.Draw(quarter).ellipse(
                (x - left, y - top, x - left + 2 * width, y - top + 2 * height), fill=255
            )
            sheet.image.paste(sheet.accent(shape), (int(left), int(top)), quarter)


def _arcs(sheet: Sheet) -> None:
    for x, y, radius in [(0.32, 0.98, 0.6), (0.78, 0.72, 0.36), (0.24, 0.4, 0.26)]:
        centre, start = x + sheet.between(-0.06, 0.06), int(sheet.rng.integers(4))
        ground: Colour = sheet.image.getpixel((0, 0))  # type: ignore[assignment]
        for ring in range(6):
            r = radius * (1 - ring / 6) * min(sheet.size)
            left, top = centre * sheet.size[0] - r, y * sheet.size[1] - r
            colour = ground if ring % 2 else sheet.accent(start + ring // 2)
            sheet.draw.pieslice((left, top, left + 2 * r, top + 2 * r), 180, 360, fill=colour)


def _bubbles(sheet: Sheet) -> None:
    for index in range(int(sheet.rng.integers(26, 38))):
        x, y, radius = sheet.between(0, 1), sheet.between(0, 1), 0.02 + 0.11 * sheet.between(0, 1) ** 2
        sheet.disc(x, y, radius, sheet.accent(index))
        sheet.disc(x - radius / 3, y - radius / 3, radius / 4, mix(sheet.accent(index), PAPER, 0.6))


def _skyline(sheet: Sheet) -> None:
    for row in range(2):
        left = -0.03
        while left < 1:
            width = sheet.between(0.09, 0.17)
            top = 0.44 + 0.34 * row - sheet.between(0, 0.26)
            colour = sheet.accent(2 if row else 1)
            sheet.box(left, top, left + width, 1, colour)
            if row:
                _windows(sheet, left, top, width)
            left += width + 0.012 * row


def _windows(sheet: Sheet, left: float, top: float, width: float) -> None:
    for line in range(int((0.97 - top) / 0.055)):
        for column in range(3):
            if sheet.rng.random() < 0.6:
                x, y = left + width * (0.16 + 0.26 * column), top + 0.03 + 0.055 * line
                sheet.box(x, y, x + width * 0.15, y + 0.026, sheet.accent(3))


MOTIFS: dict[str, Callable[[Sheet], None]] = {
    "sun": _sun,
    "waves": _waves,
    "peaks": _peaks,
    "leaves": _leaves,
    "tiles": _tiles,
    "arcs": _arcs,
    "bubbles": _bubbles,
    "skyline": _skyline,
}
HOURS: dict[str, Callable[[Sheet], None]] = {"dusk": _dusk, "noon": _noon, "night": _night, "dawn": _dawn}
