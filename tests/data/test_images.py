"""Pictures: good ones are not changed, others are re-encoded if possible, the rest has a reason."""

import hashlib
import io
import zlib
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fusionrec.data import images
from fusionrec.data.image_options import Images

OPTIONS = Images(
    formats=["jpeg", "png", "webp"],
    min_edge=64,
    max_pixels=1_000_000,
    max_bytes=100_000,
    max_edge=300,
    longest_edge=200,
    quality=85,
    near_distance=4,
    near_colour=0.25,
)


def picture(width: int = 120, height: int = 80, mode: str = "RGB") -> Image.Image:
    ramp = np.add.outer(np.arange(height), np.arange(width)).astype(np.uint8)
    return Image.fromarray(ramp).convert("RGB").convert(mode)


def blob(image: Image.Image, kind: str = "JPEG", **extra: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **extra)
    return buffer.getvalue()


def decoded(result: images.Picture) -> Image.Image:
    assert result.blob is not None and result.reason is None
    assert result.sha256 == hashlib.sha256(result.blob).hexdigest()
    image = Image.open(io.BytesIO(result.blob))
    assert image.size == (result.width, result.height)
    return image


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_fine_picture_passes_byte_for_byte(kind: str, mode: str) -> None:
    original = blob(picture(mode=mode), kind)
    result = images.prepare(original, OPTIONS)
    assert result.blob == original and not result.encoded
    decoded(result)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b"", "empty_file"),
        (b"<html>404</html>", "not_jpeg_png_webp"),
        (blob(picture(), "GIF"), "not_jpeg_png_webp"),
        (blob(picture(), "BMP"), "not_jpeg_png_webp"),
        (blob(picture())[:900], "truncated"),
        (blob(picture(), "PNG")[:200], "truncated"),
        (blob(picture(), "PNG").replace(b"IDAT", b"IDAX"), "corrupt"),
        (blob(picture(63, 80)), "below_min_edge"),
        (blob(picture(640, 205)), None),  # 200 x 64 once it is shrunk
        (blob(picture(640, 204)), "extreme_aspect_ratio"),
        (blob(picture(1000, 1000), "PNG"), None),
        (blob(picture(1000, 1001), "PNG"), "too_many_pixels"),
    ],
)
def test_reasons(bad: bytes, reason: str | None) -> None:
    result = images.prepare(bad, OPTIONS)
    assert result.reason == reason and (result.blob is None) == (reason is not None)


def test_formats_are_told_by_content() -> None:
    only_png = OPTIONS.model_copy(update={"formats": ["png"]})
    assert images.prepare(blob(picture()), only_png).reason == "format_not_allowed"
    assert images.prepare(blob(picture(), "PNG"), only_png).reason is None


@pytest.mark.parametrize(
    ("name", "item", "wrong"),
    [
        ("17.png", "17", False),
        ("17.PNG", "17", False),
        ("17.jpg", "17", True),
        ("17", "", True),
        ("a/b.c.png", "a/b.c", False),
        ("...png", "..", False),
    ],
)
def test_the_name_gives_the_item_and_its_extension_is_checked(name: str, item: str, wrong: bool) -> None:
    original = blob(picture(), "PNG")
    checked = images.check((name, original), OPTIONS)
    assert checked == (item, images.prepare(original, OPTIONS), len(original), wrong)


@pytest.mark.parametrize("default", [1, None])
def test_pillows_own_limit_neither_interferes_nor_changes(
    default: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", default)
    assert images.prepare(blob(picture(1000, 1000), "PNG"), OPTIONS).encoded
    assert images.prepare(blob(picture(1000, 1001), "PNG"), OPTIONS).reason == "too_many_pixels"
    assert default == Image.MAX_IMAGE_PIXELS


def test_a_lack_of_memory_is_no_property_of_the_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(Image, "open", fail)
    with pytest.raises(MemoryError):
        images.prepare(blob(picture()), OPTIONS)


def test_a_thumbnail_shows_what_can_be_decoded() -> None:
    small = images.prepare(blob(picture(20, 10)), OPTIONS)
    assert small.thumbnail is not None
    assert Image.open(io.BytesIO(small.thumbnail)).size == (20, 10)
    wide = images.thumbnail(blob(picture(1000, 500)), OPTIONS.max_pixels)
    assert wide is not None
    assert Image.open(io.BytesIO(wide)).size == (images.THUMBNAIL, images.THUMBNAIL // 2)
    assert images.thumbnail(blob(picture(1000, 1001)), OPTIONS.max_pixels) is None
    assert images.thumbnail(b"", OPTIONS.max_pixels) is None


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP"]), st.integers(0, 10_000), st.integers(0, 255))
def test_a_flipped_byte_never_raises(kind: str, at: int, value: int) -> None:
    hostile = bytearray(blob(picture(), kind))
    hostile[at % len(hostile)] = value
    result = images.prepare(bytes(hostile), OPTIONS)
    assert (result.blob is None) != (result.reason is None)


def test_a_large_picture_is_shrunk() -> None:
    result = images.prepare(blob(picture(600, 400), "PNG"), OPTIONS)
    image = decoded(result)
    assert (image.format, image.size, result.encoded) == ("JPEG", (200, 133), True)


def test_a_heavy_picture_is_re_encoded() -> None:
    noise = np.random.default_rng(0).integers(0, 256, (200, 200, 3), np.uint8)
    heavy = blob(Image.fromarray(noise), "PNG")
    assert len(heavy) > OPTIONS.max_bytes
    result = images.prepare(heavy, OPTIONS)
    assert decoded(result).size == (200, 200) and result.blob and len(result.blob) < len(heavy)


def test_orientation_is_applied() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = decoded(images.prepare(blob(picture(120, 80), exif=exif), OPTIONS))
    assert image.size == (80, 120) and not image.getexif()
    corner = image.getpixel((79, 0))
    assert isinstance(corner, tuple) and max(corner) < 10  # was the upper left one


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P", "L", "I;16"])
def test_orientation_is_applied_to_every_mode(mode: str) -> None:
    image = picture(mode="L").convert("I").convert("I;16") if mode == "I;16" else picture(mode=mode)
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decoded(images.prepare(blob(image, "PNG", exif=exif), OPTIONS)).size == (80, 120)


def test_metadata_goes_with_re_encoding_and_stays_otherwise() -> None:
    extra: dict[str, Any] = {
        "comment": b"secret",
        "icc_profile": b"secret",
        "exif": b"Exif\0\0secret",
        "xmp": b"secret",
    }
    small, large = (images.prepare(blob(picture(edge, edge), **extra), OPTIONS) for edge in (100, 400))
    assert small.blob is not None and small.blob.count(b"secret") == 4 and not small.encoded
    assert large.blob is not None and b"secret" not in large.blob and large.encoded


def test_transparency_becomes_white() -> None:
    clear = Image.new("RGBA", (80, 80), (255, 0, 0, 0))
    image = decoded(images.prepare(blob(clear, "PNG"), OPTIONS))
    assert image.mode == "RGB" and image.getpixel((40, 40)) == (255, 255, 255)


@pytest.mark.parametrize(("mode", "kind"), [("CMYK", "JPEG"), ("P", "PNG"), ("LA", "PNG"), ("1", "PNG")])
def test_other_modes_become_rgb(mode: str, kind: str) -> None:
    image = decoded(images.prepare(blob(picture(mode=mode), kind), OPTIONS))
    assert image.mode == "RGB" and image.format == "JPEG"


def test_sixteen_bits_are_scaled_not_clipped() -> None:
    grey = Image.fromarray(np.full((80, 80), 128 * 257, np.uint16))
    image = decoded(images.prepare(blob(grey, "PNG"), OPTIONS))
    assert image.mode == "RGB" and image.getpixel((0, 0)) == (128, 128, 128)


def test_sixteen_bits_may_be_transparent() -> None:
    grey = Image.fromarray(np.full((80, 80), 1000, np.uint16))
    for transparency, shown in ((1000, 255), (1001, 3)):
        original = bytearray(blob(grey, "PNG"))
        chunk = b"tRNS" + transparency.to_bytes(2, "big")
        original[33:33] = b"\0\0\0\2" + chunk + zlib.crc32(chunk).to_bytes(4, "big")
        image = decoded(images.prepare(bytes(original), OPTIONS))
        assert image.getpixel((40, 40)) == (shown,) * 3


def test_of_an_animation_the_first_frame_stays() -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("black", "white")]
    moving = blob(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    image = decoded(images.prepare(moving, OPTIONS))
    assert image.format == "JPEG" and image.getpixel((0, 0)) == (0, 0, 0)


def test_a_jpeg_with_far_too_much_metadata() -> None:
    """Pillow joins EXIF segments one by one: 2,000 of them took eight seconds."""
    buffer = io.BytesIO()
    Image.new("RGB", (100, 100), "red").save(buffer, "JPEG")
    plain = buffer.getvalue()
    segment = b"\xff\xe1" + (65_535).to_bytes(2, "big") + b"Exif\0\0".ljust(65_533, b"\0")
    for count, reason in ((2, None), (255, None), (2000, "too_much_metadata")):
        found = images.prepare(plain[:2] + segment * count + plain[2:], OPTIONS)
        assert found.reason == reason
    assert images.prepare(plain[:2] + segment[:-9], OPTIONS).reason in ("corrupt", "truncated")
