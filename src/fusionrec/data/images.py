"""Pictures of the outside world made safe: checked, decoded once, re-encoded if need be, hashed."""

import hashlib
import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageOps

from fusionrec import params
from fusionrec.data.perceptual_hash import perceptual_hash

FORMATS = ("JPEG", "PNG", "WEBP")  # Pillow's names; no other decoder ever sees the bytes
EXTENSIONS = {"jpeg": ("jpg", "jpeg", "jpe", "jfif"), "png": ("png",), "webp": ("webp",)}
MAX_SCANS = 100  # of a progressive JPEG; encoders write about ten, and each costs a pass over all pixels
ORIENTATION, SIDEWAYS = 0x0112, range(2, 9)
SHOWABLE = {"format_not_allowed", "below_min_edge", "extreme_aspect_ratio"}
THUMBNAIL = 112  # longest edge


class Picture(NamedTuple):
    """A prepared picture, or why there is none: `reason` is None exactly if `blob` is not.

    Attributes:
        content: jpeg, png or webp, by the first bytes; None where they are of no such file.
        sha256: of `blob`.
        phash: see `perceptual_hash`.
        thumbnail: a small PNG of a rejected picture, if it can be decoded.
    """

    blob: bytes | None
    reason: str | None
    content: str | None = None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    phash: str | None = None
    encoded: bool = False
    thumbnail: bytes | None = None


class Checked(NamedTuple):
    """A picture with what is known about its file; `wrong_extension` if its name says another format."""

    item: str
    picture: Picture
    raw_bytes: int
    wrong_extension: bool


def split_name(name: str) -> tuple[str, str]:
    """The item's id, which may hold anything, and the extension of a picture's name."""
    item, _, extension = name.rpartition(".")
    return item, extension.lower()


def check(named: tuple[str, bytes], options: params.Images) -> Checked:
    """A raw picture, by its name and bytes; pure, so that it can run in any process."""
    name, blob = named
    item, extension = split_name(name)
    picture = prepare(blob, options)
    wrong = picture.content is not None and extension not in EXTENSIONS[picture.content]
    return Checked(item, picture, len(blob), wrong)


def prepare(blob: bytes, options: params.Images) -> Picture:
    """Check a picture and re-encode it as an RGB JPEG unless it is fine, when its bytes stay as they are.

    It is fine if it is a still, upright picture in plain colours or greys and within `max_bytes` and
    `max_edge`. Transparency becomes white, of an animation the first frame stays, 16 bits become 8, a
    larger picture is shrunk to `longest_edge`. What is re-encoded loses its metadata: EXIF, comments and
    colour profiles, which no encoder applies. Bytes that stay keep theirs, and whatever follows the picture.

    The size is taken from the header before anything is decoded, which takes 16 bytes a pixel at most.
    Damage that decoders mend by themselves passes: data that stop early but orderly, garbled ones in a JPEG.

    Returns:
        The picture, or its reason:

        - empty_file
        - not_jpeg_png_webp: by the first bytes; the name does not matter
        - format_not_allowed: not one of `formats`
        - too_many_pixels: more than `max_pixels`
        - too_many_scans: a JPEG made to take hours to decode
        - too_much_metadata: texts or a colour profile that unpack to more than Pillow allows
        - below_min_edge: the shorter edge is below `min_edge`
        - extreme_aspect_ratio: the shorter edge would be, once the longer one is shrunk
        - truncated: the end is missing
        - corrupt: anything else that keeps it from being decoded
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
            _mend(image, THUMBNAIL).save(buffer, "PNG")
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
        Exception: on hostile files Pillow raises nearly anything.
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


def _refuse_bytes(blob: bytes, content: str | None, options: params.Images) -> str | None:
    """What is wrong with a picture that need not even be opened for that."""
    if not blob:
        return "empty_file"
    if content is None:
        return "not_jpeg_png_webp"
    if content not in options.formats:
        return "format_not_allowed"
    if content == "jpeg" and blob.count(b"\xff\xda") > MAX_SCANS:
        return "too_many_scans"
    return None


def _refuse_size(width: int, height: int, large: bool, options: params.Images) -> str | None:
    shorter, longer = sorted((width, height))
    if shorter < options.min_edge:
        return "below_min_edge"
    if large and shorter * options.longest_edge < options.min_edge * longer:
        return "extreme_aspect_ratio"
    return None


def _decode(blob: bytes, options: params.Images) -> Picture:
    try:
        with opened(blob, options.max_pixels) as image:
            large = len(blob) > options.max_bytes or max(image.size) > options.max_edge
            reason = _refuse_size(*image.size, large, options)
            if reason:
                return Picture(None, reason)
            image.load()
            encoded = large or not _plain(image)
            if encoded:
                image = _mend(image, options.longest_edge if large else None)
                blob = _jpeg(image, options.quality)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Picture(None, "too_many_pixels")
    except MemoryError:  # this machine's fault, not the picture's
        raise
    except Exception as error:
        return Picture(None, _explain(error, blob))
    digest = hashlib.sha256(blob).hexdigest()
    return Picture(blob, None, None, *image.size, digest, perceptual_hash(image), encoded)


def _explain(error: Exception, blob: bytes) -> str:
    """Pillow tells apart by its messages alone why it cannot decode."""
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


def _mend(image: Image.Image, longest_edge: int | None) -> Image.Image:
    """Upright, RGB, and within `longest_edge`; shrunk before transparency goes, which takes memory."""
    image = _eight_bits(ImageOps.exif_transpose(image) if _sideways(image) else image)
    if longest_edge:
        image.thumbnail((longest_edge, longest_edge), Image.Resampling.LANCZOS)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image


def _eight_bits(image: Image.Image) -> Image.Image:
    """RGB, or RGBA where something is transparent."""
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
