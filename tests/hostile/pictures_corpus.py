"""Bad and odd pictures, each generated here, with the expected result."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageCms

from fusionrec.data.image_options import Images

OPTIONS = Images(
    formats=["jpeg", "png", "webp"],
    min_edge=64,
    max_pixels=3_000_000,
    max_bytes=300_000,
    max_edge=1500,
    longest_edge=400,
    quality=85,
    near_distance=4,
    near_colour=0.25,
)
KEPT, ENCODED = "kept", "encoded"  # fine as it is; fine once re-encoded
PNG = b"\x89PNG\r\n\x1a\n"
SOI, EOI, SOS = b"\xff\xd8", b"\xff\xd9", b"\xff\xda"
MEGABYTES = 50_000_000  # what the bombs unpack to


class Kind(NamedTuple):
    """One file: `expected` is KEPT, ENCODED or the reason of its rejection."""

    name: str
    extension: str
    blob: bytes
    expected: str


def photo(width: int = 120, height: int = 80, mode: str = "RGB", seed: int = 0) -> Image.Image:
    """Smooth and full of detail, as photographs are."""
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), np.uint8))
    return coarse.resize((width, height), Image.Resampling.BICUBIC).convert(mode)


def save(image: Image.Image, kind: str, **extra: Any) -> bytes:
    """The bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **extra)
    return buffer.getvalue()


def chunk(name: bytes, data: bytes) -> bytes:
    """A chunk of a PNG, with its checksum."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def header(width: int, height: int, bits: int = 8, colour: int = 2) -> bytes:
    """The first chunk of a PNG; colour 0 is grey, 2 RGB, 3 a palette."""
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0))


def png(*chunks: bytes) -> bytes:
    """A PNG of these chunks."""
    return PNG + b"".join(chunks) + chunk(b"IEND", b"")


def with_chunk(extra: bytes) -> bytes:
    """A fine PNG with one more chunk after its header."""
    fine = save(photo(), "PNG")
    return fine[:33] + extra + fine[33:]


def with_segment(marker: int, data: bytes) -> bytes:
    """A fine JPEG with one more segment at its beginning."""
    return SOI + struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data + save(photo(), "JPEG")[2:]


def with_size(width: int, height: int) -> bytes:
    """A JPEG whose frame header names another size."""
    blob = save(photo(), "JPEG")
    at = blob.index(b"\xff\xc0") + 5
    return blob[:at] + struct.pack(">HH", height, width) + blob[at + 4 :]


def without(blob: bytes, marker: bytes) -> bytes:
    """A JPEG without its segments of one kind."""
    while marker in blob:
        at = blob.index(marker)
        length = struct.unpack(">H", blob[at + 2 : at + 4])[0]
        blob = blob[:at] + blob[at + 2 + length :]
    return blob


def bad_huffman() -> bytes:
    """Tables that promise more codes than their lengths allow."""
    blob = bytearray(save(photo(), "JPEG"))
    at = blob.index(b"\xff\xc4") + 5
    blob[at : at + 16] = bytes([255] * 16)
    return bytes(blob)


def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last scan repeats; each repetition is one more pass over all pixels."""
    blob = save(photo(), "JPEG", progressive=True)
    last = blob[blob.rindex(SOS) : -2]
    return blob[:-2] + last * count + EOI


def webp_canvas(edge: int) -> bytes:
    """A WebP header that names a large canvas."""
    size = (edge - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X" + struct.pack("<I", 10) + b"\x00" * 4 + size
    return b"RIFF" + struct.pack("<I", len(body)) + body


def exif(orientation: int) -> Image.Exif:
    """A tag that says how the camera was held."""
    tags = Image.Exif()
    tags[0x0112] = orientation
    return tags


def looping_exif() -> bytes:
    """A directory of tags that names itself as the next one."""
    return (
        b"Exif\x00\x00II*\x00"
        + struct.pack("<IH", 8, 1)
        + struct.pack("<HHII", 0x8769, 4, 1, 8)
        + b"\x08\0\0\0"
    )


def frames(kind: str, count: int = 3) -> bytes:
    """An animation."""
    first, *rest = (photo(seed=seed) for seed in range(count))
    return save(first, kind, save_all=True, append_images=rest)


def noise(width: int, height: int) -> Image.Image:
    """What no compression helps against."""
    return Image.fromarray(np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8))


def not_pictures() -> Iterator[Kind]:
    """No JPEG, PNG or WebP inside, whatever the name says."""
    other = "not_jpeg_png_webp"
    yield Kind("empty", "jpg", b"", "empty_file")
    yield Kind("one_byte", "png", b"\x89", other)
    yield Kind("zeros", "jpg", bytes(5000), other)
    yield Kind("error_page", "jpg", b"<!doctype html><title>404 Not Found</title>", other)
    yield Kind("svg_entities", "png", b'<!DOCTYPE svg [<!ENTITY a "&b;&b;&b;">]><svg>&a;</svg>', other)
    yield Kind("pickle", "png", b"\x80\x04\x95\x0b\x00\x00\x00\x00\x00\x00\x00\x8c\x02os\x94.", other)
    yield Kind("zip", "webp", b"PK\x03\x04" + bytes(200), other)
    yield Kind("gif", "jpg", save(photo(), "GIF"), other)
    yield Kind("gif_with_jpeg_behind", "jpg", save(photo(), "GIF") + save(photo(), "JPEG"), other)
    yield Kind("bmp", "png", save(photo(), "BMP"), other)
    yield Kind("tiff_float", "jpg", save(photo(mode="F"), "TIFF"), other)
    yield Kind("tiff_lab", "jpg", save(LAB.apply(photo()), "TIFF"), other)
    yield Kind("tiff_ycbcr", "jpg", save(photo(mode="YCbCr"), "TIFF"), other)
    yield Kind("jpeg_2000", "jpg", save(photo(), "JPEG2000"), other)
    yield Kind("avif", "webp", save(photo(), "AVIF"), other)
    yield Kind("riff_but_sound", "webp", b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(24), other)


LAB = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")


def broken() -> Iterator[Kind]:
    """Cut short, or wrong inside."""
    jpeg, still, webp = save(photo(), "JPEG"), save(photo(), "PNG"), save(photo(), "WEBP")
    yield Kind("jpeg_half", "jpg", jpeg[: len(jpeg) // 2], "truncated")
    yield Kind("jpeg_cut_in_header", "jpg", jpeg[:60], "truncated")
    yield Kind("png_half", "png", still[: len(still) // 2], "truncated")
    yield Kind("webp_half", "webp", webp[: len(webp) // 2], "truncated")
    yield Kind("jpeg_signature_only", "jpg", b"\xff\xd8\xff\xe0", "corrupt")
    yield Kind("png_signature_only", "png", PNG, "corrupt")
    yield Kind("webp_signature_only", "webp", b"RIFF\x04\x00\x00\x00WEBP", "corrupt")
    yield Kind("png_bad_checksum", "png", still[:40] + b"?" + still[41:], "corrupt")
    yield Kind(
        "png_bad_zlib", "png", png(header(80, 80), chunk(b"IDAT", b"no zlib stream at all")), "corrupt"
    )
    rows = zlib.compress(bytes(241 * 10))
    yield Kind("png_no_data", "png", png(header(80, 80)), "corrupt")
    yield Kind("png_unknown_colours", "png", png(header(80, 80, 8, 5), chunk(b"IDAT", rows)), "corrupt")
    yield Kind("jpeg_bad_huffman", "jpg", bad_huffman(), "corrupt")
    yield Kind("jpeg_no_quantisation", "jpg", without(jpeg, b"\xff\xdb"), "corrupt")
    yield Kind("jpeg_no_frame", "jpg", without(jpeg, b"\xff\xc0"), "corrupt")
    yield Kind("webp_bad_data", "webp", webp.replace(b"\x9d\x01\x2a", bytes(3)), "corrupt")


def bombs() -> Iterator[Kind]:
    """Small files that would take much memory or time."""
    yield Kind("bomb_png", "png", save(Image.new("1", (20_000, 20_000)), "PNG"), "too_many_pixels")
    yield Kind("bomb_png_header", "png", png(header(2**31 - 1, 2**31 - 1)), "too_many_pixels")
    yield Kind("bomb_just_above", "png", save(Image.new("1", (1001, 2998)), "PNG"), "too_many_pixels")
    yield Kind("bomb_jpeg_header", "jpg", with_size(65_500, 65_500), "too_many_pixels")
    yield Kind("bomb_webp_canvas", "webp", webp_canvas(16_383), "too_many_pixels")
    packed = zlib.compress(bytes(MEGABYTES), 9)
    yield Kind("bomb_text", "png", with_chunk(chunk(b"zTXt", b"key\0\0" + packed)), "too_much_metadata")
    yield Kind(
        "bomb_unicode_text", "png", with_chunk(chunk(b"iTXt", b"k\0\1\0\0\0" + packed)), "too_much_metadata"
    )
    yield Kind("bomb_profile", "png", with_chunk(chunk(b"iCCP", b"name\0\0" + packed)), "too_much_metadata")
    yield Kind("bomb_scans", "jpg", many_scans(200), "too_many_scans")


def odd_sizes() -> Iterator[Kind]:
    """Too small, or too long."""
    yield Kind("no_pixels", "png", png(header(0, 0), chunk(b"IDAT", zlib.compress(b""))), "corrupt")
    yield Kind("one_pixel", "png", save(photo(1, 1), "PNG"), "below_min_edge")
    yield Kind("thread", "jpg", save(photo(1, 5000), "JPEG"), "below_min_edge")
    yield Kind("just_too_small", "webp", save(photo(63, 200), "WEBP"), "below_min_edge")
    yield Kind("just_large_enough", "webp", save(photo(64, 64), "WEBP"), KEPT)
    yield Kind("banner", "jpg", save(photo(5000, 100), "JPEG"), "extreme_aspect_ratio")
    yield Kind("wide_but_within_limits", "jpg", save(photo(1400, 64), "JPEG"), KEPT)
    yield Kind("large", "jpg", save(photo(1600, 1200), "JPEG"), ENCODED)
    yield Kind("heavy", "png", save(noise(400, 300), "PNG"), ENCODED)


def odd_colours() -> Iterator[Kind]:
    """Modes that models do not take."""
    for mode in ("CMYK", "L", "YCbCr"):
        yield Kind(f"jpeg_{mode}", "jpg", save(photo(mode=mode), "JPEG"), ENCODED if mode == "CMYK" else KEPT)
    for mode in ("1", "P", "LA", "RGBA"):
        yield Kind(f"png_{mode}", "png", save(photo(mode=mode), "PNG"), ENCODED)
    grey = np.asarray(photo(mode="L"))
    yield Kind("png_16_bit_grey", "png", save(Image.fromarray(grey.astype(np.uint16) * 257), "PNG"), ENCODED)
    rows = b"".join(b"\0" + row.tobytes() for row in np.asarray(photo()).astype(">u2") * 257)
    deep = png(header(120, 80, 16), chunk(b"IDAT", zlib.compress(rows)))
    yield Kind("png_16_bit_colour", "png", deep, KEPT)  # decoders take the upper 8 bits
    yield Kind("png_transparent_colour", "png", with_chunk(chunk(b"tRNS", bytes(6))), ENCODED)
    yield Kind(
        "png_transparent_palette", "png", save(photo(mode="P"), "PNG", transparency=bytes(99)), ENCODED
    )
    yield Kind("webp_transparent", "webp", save(photo(mode="RGBA").rotate(45), "WEBP"), ENCODED)
    yield Kind("webp_lossless", "webp", save(photo(), "WEBP", lossless=True), KEPT)
    yield Kind("profile", "jpg", save(photo(), "JPEG", icc_profile=b"not a profile" * 99), KEPT)
    yield Kind("profile_of_srgb", "png", save(photo(), "PNG", icc_profile=SRGB), KEPT)


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def odd_structure() -> Iterator[Kind]:
    """Fine to look at, but not a plain picture in a file of its own."""
    jpeg, still = save(photo(), "JPEG"), save(photo(), "PNG")
    yield Kind("png_named_jpg", "jpg", still, KEPT)
    yield Kind("jpeg_named_webp", "webp", jpeg, KEPT)
    yield Kind("webp_named_png", "png", save(photo(), "WEBP"), KEPT)
    yield Kind("zip_behind_jpeg", "jpg", jpeg + b"PK\x03\x04" + bytes(1000), KEPT)
    yield Kind("page_behind_png", "png", still + b"<script>alert(1)</script>", KEPT)
    yield Kind("script_in_comment", "jpg", with_segment(0xFE, b"*/=alert(1)/*"), KEPT)
    yield Kind("progressive", "jpg", save(photo(), "JPEG", progressive=True), KEPT)
    yield Kind("rotated", "jpg", save(photo(), "JPEG", exif=exif(6)), ENCODED)
    yield Kind("rotated_nowhere", "jpg", save(photo(), "JPEG", exif=exif(99)), KEPT)
    yield Kind("rotated_transparent", "png", save(photo(mode="RGBA"), "PNG", exif=exif(8)), ENCODED)
    yield Kind("exif_garbage", "jpg", with_segment(0xE1, b"Exif\x00\x00" + b"\xff" * 500), KEPT)
    yield Kind("exif_loop", "jpg", with_segment(0xE1, looping_exif()), KEPT)
    yield Kind("animated_png", "png", frames("PNG"), ENCODED)
    yield Kind("animated_webp", "webp", frames("WEBP"), ENCODED)
    yield Kind("several_in_one", "jpg", frames("MPO"), ENCODED)
    yield Kind("png_without_end", "png", still[:-12], KEPT)
    yield Kind("jpeg_ends_early", "jpg", jpeg[: len(jpeg) * 3 // 4] + EOI, KEPT)  # decoders do not mind
    few = zlib.compress(bytes(241 * 10))
    yield Kind("png_ends_early", "png", png(header(80, 80), chunk(b"IDAT", few)), KEPT)
    yield Kind(
        "png_countless_frames", "png", with_chunk(chunk(b"acTL", struct.pack(">II", 2**31 - 1, 0))), ENCODED
    )


CORPUS = [
    kind for group in (not_pictures, broken, bombs, odd_sizes, odd_colours, odd_structure) for kind in group()
]
