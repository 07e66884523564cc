"""Checks of untrusted pictures: decoded once, re-encoded if necessary, hashed."""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fusionrec.data.colour_layout import colour_layout
from fusionrec.data.image_options import Images
from fusionrec.data.perceptual_hash import perceptual_hash, reduced

FORMATS = ("JPEG", "PNG", "WEBP")  # Pillow's names; no other decoder ever sees the bytes
EXTENSIONS = {"jpeg": ("jpg", "jpeg", "jpe", "jfif"), "png": ("png",), "webp": ("webp",)}
MAX_SCANS = 100  # of a progressive JPEG; encoders write about ten, and each costs a pass over all pixels
MAX_METADATA = (
    1 << 24
)  # bytes of a JPEG before its picture: a colour profile has at most 255 segments of 64 kB
ORIENTATION, SIDEWAYS = 0x0112, range(2, 9)
SHOWABLE = {"format_not_allowed", "below_min_edge", "extreme_aspect_ratio"}
THUMBNAIL = 112  # longest edge


class Picture(NamedTuple):
    """A prepared picture, or the reason why there is none: exactly one of `blob` and `reason` is None.

    Attributes:
        content: jpeg, png or webp, by the first bytes; None for any other file.
        sha256: of `blob`.
        phash: see `perceptual_hash`.
        colour: see `colour_layout`.
        thumbnail: a small PNG of a rejected picture, if it can be decoded.
    """

    blob: bytes | None
    reason: str | None
    content: str | None = None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    phash: str | None = None
    colour: str | None = None
    encoded: bool = False
    thumbnail: bytes | None = None


class Checked(NamedTuple):
    """A picture and facts about its file; `wrong_extension`: the extension is that of another format."""

    item: str
    picture: Picture
    raw_bytes: int
    wrong_extension: bool


def split_name(name: str) -> tuple[str, str]:
    """The item's id, which may contain any character, and the extension of a picture's name."""
    item, _, extension = name.rpartition(".")
    return item, extension.lower()


def check(named: tuple[str, bytes], options: Images) -> Checked:
    """Check a raw picture, given as name and bytes. A pure function, so it can run in any process."""
    name, blob = named
    item, extension = split_name(name)
    picture = prepare(blob, options)
    wrong = picture.content is not None and extension not in EXTENSIONS[picture.content]
    return Checked(item, picture, len(blob), wrong)


def prepare(blob: bytes, options: Images) -> Picture:
    """Check a picture; keep its bytes if it can be used as it is, or else re-encode it as an RGB JPEG.

    It can be used as it is if it is a still, upright RGB or grey picture within `max_bytes` and `max_edge`.
    When a picture is re-encoded, transparency becomes white, only the first frame of an animation is kept, 16
    bits become 8, a larger picture is shrunk to `longest_edge`, and metadata are removed: EXIF, comments and
    colour profiles, which no encoder applies. Bytes that are kept keep their metadata, and any data after the
    picture.

    The size is read from the header before anything is decoded; decoding takes at most 16 bytes per pixel.
    Damage that decoders tolerate is accepted: data that end early but cleanly, garbled data in a JPEG.

    Returns:
        The picture, or its reason:

        - empty_file
        - not_jpeg_png_webp: by the first bytes; the extension does not matter
        - format_not_allowed: not one of `formats`
        - too_many_pixels: more than `max_pixels`
        - too_many_scans: a progressive JPEG that would take hours to decode
        - too_much_metadata: texts or a colour profile that unpack to more than Pillow allows, or more than
          `MAX_METADATA` bytes in a JPEG
        - below_min_edge: the shorter edge is below `min_edge`
        - extreme_aspect_ratio: the shorter edge would be below `min_edge` after shrinking
        - truncated: the end is missing
        - corrupt: any other error while decoding
    """
    content = sniff(blob)
    reason = _refuse_bytes(blob, content, options)
    picture = Picture(None, reason, content) if reason else _decode(blob, options)._replace(content=content)
    if picture.reason in SHOWABLE:
        picture = picture._replace(thumbnail=thumbnail(blob, options.max_pixels))
    return picture


def sniff(blob: bytes) -> str | None:
    """The format by its signature: jpeg, png, webp or None."""
    if blob.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if blob.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if blob.startswith(b"RIFF") and blob[8:12] == b"WEBP":
        return "webp"
    return None


def thumbnail(blob: bytes, max_pixels: int) -> bytes | None:
    """A small PNG, or None if the picture cannot be decoded or has too many pixels."""
    buffer = io.BytesIO()
    try:
        with opened(blob, max_pixels) as image:
            image.load()
            _to_rgb(image, THUMBNAIL).save(buffer, "PNG")
    except MemoryError:
        raise
    except Exception:  # see `opened`
        return None
    return buffer.getvalue()


@contextmanager
def opened(blob: bytes, max_pixels: int) -> Iterator[Image.Image]:
    """The picture with its header read, while Pillow's own limit on pixels is `max_pixels`.

    Raises:
        Image.DecompressionBombError, Image.DecompressionBombWarning: if the header names more pixels.
        Exception: hostile files can make Pillow raise nearly any exception.
    """
    default = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about odd metadata
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield Image.open(io.BytesIO(blob), formats=FORMATS)
    finally:
        Image.MAX_IMAGE_PIXELS = default


def _refuse_bytes(blob: bytes, content: str | None, options: Images) -> str | None:
    """Reasons to reject a picture without opening it."""
    if not blob:
        return "empty_file"
    if content is None:
        return "not_jpeg_png_webp"
    if content not in options.formats:
        return "format_not_allowed"
    if content == "jpeg" and blob.count(b"\xff\xda") > MAX_SCANS:
        return "too_many_scans"
    if content == "jpeg" and _metadata(blob) > MAX_METADATA:
        return "too_much_metadata"
    return None


def _metadata(blob: bytes) -> int:
    """The number of bytes in the segments of a JPEG before its picture, which Pillow reads in quadratic time."""
    at = 2
    while at + 4 <= len(blob) and blob[at] == 0xFF and blob[at + 1] != 0xDA:
        at += 2 + max(2, int.from_bytes(blob[at + 2 : at + 4]))
    return at


def _refuse_size(width: int, height: int, large: bool, options: Images) -> str | None:
    shorter, longer = sorted((width, height))
    if shorter < options.min_edge:
        return "below_min_edge"
    if large and shorter * options.longest_edge < options.min_edge * longer:
        return "extreme_aspect_ratio"
    return None


def _decode(blob: bytes, options: Images) -> Picture:
    try:
        with opened(blob, options.max_pixels) as image:
            large = len(blob) > options.max_bytes or max(image.size) > options.max_edge
            reason = _refuse_size(*image.size, large, options)
            if reason:
                return Picture(None, reason)
            image.load()
            encoded = large or not _plain(image)
            if encoded:
                image = _to_rgb(image, options.longest_edge if large else None)
                blob = _jpeg(image, options.quality)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Picture(None, "too_many_pixels")
    except MemoryError:  # a problem of this machine, not of the picture
        raise
    except Exception as error:
        return Picture(None, _explain(error, blob))
    digest = hashlib.sha256(blob).hexdigest()
    small = reduced(image)
    looks = perceptual_hash(small), colour_layout(small)
    return Picture(blob, None, None, *image.size, digest, *looks, encoded)


def _explain(error: Exception, blob: bytes) -> str:
    """The reason, which Pillow gives only in its messages."""
    message = str(error).lower()
    if "text_chunk" in message or "text_memory" in message:
        return "too_much_metadata"
    cut_webp = blob.startswith(b"RIFF") and int.from_bytes(blob[4:8], "little") > len(blob) - 8
    return "truncated" if "truncated" in message or cut_webp else "corrupt"


def _plain(image: Image.Image) -> bool:
    plain = image.mode in ("RGB", "L") and not image.has_transparency_data
    return plain and getattr(image, "n_frames", 1) == 1 and not _sideways(image)


def _sideways(image: Image.Image) -> bool:
    try:
        return image.getexif().get(ORIENTATION) in SIDEWAYS
    except Exception:  # unreadable EXIF says nothing about the picture
        return False


def _to_rgb(image: Image.Image, longest_edge: int | None) -> Image.Image:
    """Upright, RGB, and within `longest_edge`; shrunk before transparency is removed, to save memory."""
    image = _eight_bits(ImageOps.exif_transpose(image) if _sideways(image) else image)
    if longest_edge:
        image.thumbnail((longest_edge, longest_edge), Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """RGB, or RGBA if something is transparent."""
    if image.mode == "I;16":  # Pillow would clip at 255 instead of scaling
        values = np.asarray(image)
        grey = np.where(values == image.info.get("transparency"), 255, values >> 8)
        return Image.fromarray(grey.astype(np.uint8)).convert("RGB")
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return image if image.mode == mode else image.convert(mode)


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality, comment=b"")
    return buffer.getvalue()
