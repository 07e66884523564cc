"""Pictures of the outside world made safe: decoded once, rejected with a reason, re-encoded if need be."""

import hashlib
import io
import warnings
from typing import NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from fusionrec import params

FORMATS = ("JPEG", "PNG", "WEBP")
PLAIN = {"RGB", "L"}


class Picture(NamedTuple):
    """A prepared picture, or why there is none: `reason` is None exactly if `blob` is not."""

    blob: bytes | None
    reason: str | None
    width: int | None = None
    height: int | None = None
    sha256: str | None = None
    encoded: bool = False


def prepare(blob: bytes, options: params.Images) -> Picture:
    """Check a picture and re-encode it as an RGB JPEG unless it is fine, when its bytes stay as they are.

    It is fine if it is a still, upright picture in plain colours or greys and within `max_bytes` and
    `max_edge`. Transparency becomes white, of an animation the first frame stays, a larger picture is
    shrunk to `longest_edge`.

    Returns:
        The picture; or the reason: empty_file, not_jpeg_png_webp, too_many_pixels, damaged, below_min_edge.
    """
    if not blob:
        return Picture(None, "empty_file")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(blob), formats=FORMATS)
            image.load()
    except UnidentifiedImageError:
        return Picture(None, "not_jpeg_png_webp")
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return Picture(None, "too_many_pixels")
    except Exception:  # on hostile files decoders raise nearly anything
        return Picture(None, "damaged")
    large = len(blob) > options.max_bytes or max(image.size) > options.max_edge
    encoded = large or not _plain(image)
    if encoded:
        image = _rgb(ImageOps.exif_transpose(image))
        if large:
            image.thumbnail((options.longest_edge, options.longest_edge), Image.Resampling.LANCZOS)
        blob = _jpeg(image, options.quality)
    if min(image.size) < options.min_edge:
        return Picture(None, "below_min_edge")
    return Picture(blob, None, *image.size, hashlib.sha256(blob).hexdigest(), encoded)


def _plain(image: Image.Image) -> bool:
    upright = image.getexif().get(0x0112, 1) == 1
    still = getattr(image, "n_frames", 1) == 1
    return image.mode in PLAIN and "transparency" not in image.info and upright and still


def _rgb(image: Image.Image) -> Image.Image:
    """Eight bits a channel, no transparency."""
    if image.mode.startswith("I"):  # 16 bits; Pillow would clip at 255 instead of scaling
        return image.convert("I").point(lambda value: value * (1 / 257)).convert("L").convert("RGB")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    return image.convert("RGB")


def _jpeg(image: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()
