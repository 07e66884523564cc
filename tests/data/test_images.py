"""Pictures: what is fine stays as it is, what can be mended is, the rest has a reason."""

import hashlib
import io
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fusionrec import params
from fusionrec.data import images

OPTIONS = params.Images(min_edge=64, max_bytes=100_000, max_edge=300, longest_edge=200, quality=85)


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
        (blob(picture())[:900], "damaged"),
        (blob(picture(), "PNG")[:200], "damaged"),
        (blob(picture(63, 80)), "below_min_edge"),
        (blob(picture(1000, 64)), "below_min_edge"),  # once it is shrunk
    ],
)
def test_reasons(bad: bytes, reason: str) -> None:
    assert images.prepare(bad, OPTIONS) == images.Picture(None, reason)


def test_a_decompression_bomb_is_not_decoded() -> None:
    bomb = blob(Image.new("1", (20_000, 20_000)), "PNG")
    assert len(bomb) < 100_000
    assert images.prepare(bomb, OPTIONS).reason == "too_many_pixels"


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
    assert image.size == (80, 120) and image.getexif().get(0x0112, 1) == 1


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


def test_of_an_animation_the_first_frame_stays() -> None:
    frames = [Image.new("RGB", (80, 80), colour) for colour in ("black", "white")]
    moving = blob(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    image = decoded(images.prepare(moving, OPTIONS))
    assert image.format == "JPEG" and image.getpixel((0, 0)) == (0, 0, 0)
