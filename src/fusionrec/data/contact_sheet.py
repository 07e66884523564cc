"""Contact sheets: small pictures with captions in rows, as one PNG for people to look at."""

import io
from collections.abc import Iterable, Sequence
from itertools import islice, zip_longest
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from fusionrec import files
from fusionrec.data import colour_layout, images
from fusionrec.data.perceptual_hash import to_integers

T = TypeVar("T")

EDGE, GAP, LINE, FONT = images.THUMBNAIL, 10, 14, 10  # pixels
COLUMNS, ROWS = 8, 6
TILES = COLUMNS * ROWS
SIDE_BY_SIDE = COLUMNS // 2  # members of a group
LETTERS = 20  # of a caption's line
PAPER, INK, BLANK = "#ffffff", "#222222", "#d0d0d0"
COLOURS = 64  # of the whole sheet, which is committed with the metrics and should be small


class Tile(NamedTuple):
    """A thumbnail (see `images.thumbnail`; None is shown in grey) and the lines of its caption."""

    picture: bytes | None
    caption: Sequence[str]


class Rejected:
    """The first few rejected pictures of each reason, and how many there are."""

    def __init__(self) -> None:
        self.tiles: dict[str, list[Tile]] = {}
        self.total = 0

    def note(self, checked: images.Checked) -> None:
        """Remember a picture if it is rejected and the sheet has room for it."""
        reason = checked.picture.reason
        if reason is None:
            return
        self.total += 1
        tiles = self.tiles.setdefault(reason, [])
        if len(tiles) < TILES:
            tiles.append(Tile(checked.picture.thumbnail, (checked.item, reason)))


def rejected(path: Path | str, pictures: Rejected) -> None:
    """A sheet of rejected pictures, with as equal a number of each reason as possible."""
    shown = taking_turns([pictures.tiles[reason] for reason in sorted(pictures.tiles)], TILES)
    rows = [shown[start : start + COLUMNS] for start in range(0, len(shown), COLUMNS)]
    title = f"Rejected pictures: {pictures.total:,}, of which {len(shown)} are shown"
    draw(path, title if shown else "Rejected pictures: none", rows)


def near_duplicates(path: Path | str, table: pd.DataFrame, folder: Path | str, max_pixels: int) -> None:
    """A sheet of groups of near duplicates, two per row: the first item and those farthest from it.

    Args:
        table: the manifest, see `manifest.build`.
        folder: of the shards.
        max_pixels: see `images.opened`.
    """
    grouped = _grouped(table)
    widest = grouped.groupby("head", sort=False)["distance"].max()
    kinds = [widest.index[widest == distance].tolist() for distance in sorted(widest.unique())]
    cells: list[Tile | None] = []
    for head in taking_turns(kinds, 2 * ROWS):
        group = grouped[grouped["head"] == head]
        farthest = group.iloc[1:].sort_values("distance", ascending=False, kind="stable")
        shown = pd.concat([group.iloc[:1], farthest.iloc[: SIDE_BY_SIDE - 1]])
        cells += _tiles(shown, len(group), folder, max_pixels)
        cells += [None] * (SIDE_BY_SIDE - len(shown))
    rows = [cells[start : start + COLUMNS] for start in range(0, len(cells), COLUMNS)]
    count = len(widest)
    title = f"Groups of near duplicates: {count:,}, of which {min(count, 2 * ROWS)} are shown"
    draw(path, title if count else "Groups of near duplicates: none", rows)


def _grouped(table: pd.DataFrame) -> pd.DataFrame:
    """The items of groups of two and more, with their `head`, and their `distance` to it in bits and in `colour`."""
    head = table["near_duplicate_of"].fillna(table["item_id"])
    grouped = table.assign(head=head)[head.isin(table["near_duplicate_of"].dropna())]
    hashes = to_integers(grouped["phash"].fillna("0"))  # no hash: all members are the same picture
    at = colour_layout.points(colour_layout.to_bytes(grouped["colour"]))
    of_head = pd.Index(grouped["item_id"]).get_indexer(grouped["head"])
    distance = np.bitwise_count(hashes ^ hashes[of_head])
    return grouped.assign(distance=distance, colour=np.linalg.norm(at - at[of_head], axis=1))


def _tiles(shown: pd.DataFrame, count: int, folder: Path | str, max_pixels: int) -> list[Tile]:
    blobs = files.read_members(folder, files.members(shown))
    off = shown[["distance", "colour"]].iloc[1:].itertuples(index=False)
    notes = [f"first of {count:,}", *(f"{bits} bits, colour {colour:.2f}" for bits, colour in off)]
    return [
        Tile(images.thumbnail(blob, max_pixels), (item, note))
        for blob, item, note in zip(blobs, shown["item_id"], notes, strict=True)
    ]


def draw(path: Path | str, title: str, rows: Sequence[Sequence[Tile | None]]) -> None:
    """Write a sheet with `rows` of tiles; the same tiles give the same bytes."""
    step = EDGE + GAP, EDGE + GAP + 2 * LINE
    size = GAP + COLUMNS * step[0], GAP + 2 * LINE + len(rows) * step[1]
    sheet = Image.new("RGB", size, PAPER)
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT)
    pen.text((GAP, GAP), printable(title), INK, font)
    for at_y, row in enumerate(rows):
        for at_x, tile in enumerate(row):
            if tile is None:
                continue
            x, y = GAP + at_x * step[0], GAP + 2 * LINE + at_y * step[1]
            _place(sheet, tile.picture, (x, y))
            for number, line in enumerate(tile.caption):
                pen.text((x, y + EDGE + number * LINE), printable(line, LETTERS), INK, font)
    with files.replacing(path) as scratch:
        sheet.quantize(COLOURS, dither=Image.Dither.NONE).save(scratch, "PNG")


def _place(sheet: Image.Image, picture: bytes | None, at: tuple[int, int]) -> None:
    """Centred in its square."""
    if picture is None:
        sheet.paste(BLANK, (*at, at[0] + EDGE, at[1] + EDGE))
        return
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    image.thumbnail((EDGE, EDGE), Image.Resampling.LANCZOS)
    sheet.paste(image, (at[0] + (EDGE - image.width) // 2, at[1] + (EDGE - image.height) // 2))


def printable(text: str, letters: int = 120) -> str:
    """As ASCII, because ids can contain characters that the font lacks; cut after `letters`, with dots."""
    shown = ascii(text[: letters + 1])[1:-1]
    return shown if len(shown) <= letters else shown[: letters - 2] + ".."


def taking_turns(kinds: Iterable[Sequence[T]], count: int) -> list[T]:
    """The first of each kind, then the second of each, and so on, up to `count`."""
    turns = (one for turn in zip_longest(*kinds) for one in turn if one is not None)
    return list(islice(turns, count))
