"""Contact sheets: the same tiles give the same bytes, whatever the captions contain."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fusionrec import files
from fusionrec.data import contact_sheet, images, manifest
from fusionrec.data.contact_sheet import EDGE, GAP, Tile
from fusionrec.data.image_options import Images

MAX_PIXELS = 100_000


def picture(colour: str, size: tuple[int, int] = (200, 100)) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def red_tile(caption: tuple[str, ...] = ("a", "b")) -> Tile:
    return Tile(images.thumbnail(picture("red"), MAX_PIXELS), caption)


def sheet(path: Path) -> Image.Image:
    return Image.open(path).convert("RGB")


def colour_of_tile(image: Image.Image, column: int, row: int) -> object:
    step = EDGE + GAP
    down = step + 2 * contact_sheet.LINE
    return image.getpixel(
        (GAP + column * step + EDGE // 2, GAP + 2 * contact_sheet.LINE + row * down + EDGE // 2)
    )


def test_tiles_stand_in_their_places(tmp_path: Path) -> None:
    path = tmp_path / "plots" / "sheet.png"
    contact_sheet.draw(path, "title", [[red_tile(), Tile(None, ("grey", ""))], [None, red_tile()]])
    image = sheet(path)
    grey, white, red = (208, 208, 208), (255, 255, 255), (255, 0, 0)
    seen = [colour_of_tile(image, column, row) for row in range(2) for column in range(3)]
    assert seen == [red, grey, white, white, red, white]
    before = path.read_bytes()
    contact_sheet.draw(path, "title", [[red_tile(), Tile(None, ("grey", ""))], [None, red_tile()]])
    assert path.read_bytes() == before and list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("text", ["", "\x00\x1b[31m\n", "名前 🦊", "\ud800", "a" * 10_000_000, "‮txt"])
def test_any_caption_can_be_drawn(text: str, tmp_path: Path) -> None:
    shown = contact_sheet.printable(text, 20)
    assert shown.isascii() and (shown.isprintable() or not shown) and len(shown) <= 20
    contact_sheet.draw(tmp_path / "sheet.png", text, [[red_tile((text, text))]])


def test_captions_are_cut_with_dots() -> None:
    assert contact_sheet.printable("12345", 5) == "12345"
    assert contact_sheet.printable("123456", 5) == "123.."
    assert contact_sheet.printable("é" * 5, 5) == r"\xe.."


def test_taking_turns() -> None:
    assert contact_sheet.taking_turns(["abc", "d", "", "ef"], 5) == list("adebf")
    assert contact_sheet.taking_turns([], 5) == []


def checked(item: str, blob: bytes, min_edge: int = 64) -> images.Checked:
    options = Images(
        formats=["png"], min_edge=min_edge, max_pixels=MAX_PIXELS, max_bytes=10**6,
        max_edge=5000, longest_edge=100, quality=85, near_distance=4, near_colour=0.25,
    )  # fmt: skip
    return images.check((f"{item}.png", blob), options)


def test_every_reason_gets_room_and_all_are_counted(tmp_path: Path) -> None:
    rejected = contact_sheet.Rejected()
    for number in range(100):
        rejected.note(checked(f"small {number}", picture("blue", (20, 20))))
    rejected.note(checked("fine", picture("green")))
    rejected.note(checked("empty", b""))
    assert rejected.total == 101
    assert {reason: len(tiles) for reason, tiles in rejected.tiles.items()} == {
        "below_min_edge": contact_sheet.TILES,
        "empty_file": 1,
    }
    contact_sheet.rejected(tmp_path / "sheet.png", rejected)
    image = sheet(tmp_path / "sheet.png")
    blue, grey = (0, 0, 255), (208, 208, 208)
    assert [colour_of_tile(image, column, 0) for column in range(4)] == [blue, grey, blue, blue]
    assert colour_of_tile(image, 7, 5) == blue
    assert image.height == GAP + 2 * contact_sheet.LINE + 6 * (EDGE + GAP + 2 * contact_sheet.LINE)


def test_without_anything_to_show_the_sheets_say_so(tmp_path: Path) -> None:
    contact_sheet.rejected(tmp_path / "rejected.png", contact_sheet.Rejected())
    table = manifest.build(["a"], {}, 4, 0.25)
    contact_sheet.near_duplicates(tmp_path / "near.png", table, tmp_path, MAX_PIXELS)
    for name in ("rejected.png", "near.png"):
        image = sheet(tmp_path / name)
        assert image.height < EDGE and np.asarray(image).std() > 0


def test_a_group_shows_its_first_item_and_the_farthest(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), np.uint8)).resize((120, 90))
    pictures = {f"i{n}": coarse.crop((n, n, 120, 90)) for n in range(6)}
    pictures |= dict.fromkeys(["flat", "flat too"], Image.new("RGB", (90, 90)))
    rows: dict[str, manifest.Row] = {}
    with files.ShardWriter(tmp_path) as shards:
        for item, image in pictures.items():
            buffer = io.BytesIO()
            image.save(buffer, "PNG")
            one = checked(item, buffer.getvalue())
            assert one.picture.blob is not None
            rows[item] = manifest.row(one, shards.add(item, one.picture.blob))
    table = manifest.build(list(pictures), rows, near_distance=16, near_colour=4)
    assert table["near_duplicate_of"].dropna().tolist() == ["i0"] * 5 + ["flat"]
    contact_sheet.near_duplicates(tmp_path / "near.png", table, tmp_path, MAX_PIXELS)
    image = sheet(tmp_path / "near.png")
    white = (255, 255, 255)
    black = (0, 0, 0)
    assert [colour_of_tile(image, n, 0) for n in range(4)] == [black, black, white, white]
    assert [colour_of_tile(image, n, 0) != white for n in range(4, 8)] == [True] * 4

    grouped = contact_sheet._grouped(table)
    hashes = [int(digits, 16) for digits in table["phash"].dropna()]
    distances = [(hashes[0] ^ one).bit_count() for one in hashes]
    assert max(distances) > 0
    assert grouped["distance"].tolist() == [*distances, 0, 0]
