"""Checks what callers of the Python API pass: one clear error, and never an answer to something that was not meant."""

import io
import math
import numbers as kinds
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from fusionrec.data.reading.pictures import LARGEST
from fusionrec.errors import UserError

# modes that PNG does not have, and that Pillow can convert
CONVERTED = {"CMYK": "RGB", "YCbCr": "RGB", "HSV": "RGB", "PA": "RGBA", "La": "LA", "RGBa": "RGBA"}


def ids(name: str, value: object) -> list[str]:
    """Ids, such as those of users.

    Raises:
        UserError: if they are no sequence of strings; a string is one id, not a sequence of its characters.
    """
    if isinstance(value, str | bytes) or not isinstance(value, Iterable):
        raise UserError(f"{name}: needs a list of ids, not {_shown(value)}; write [{_shown(value)}]")
    listed = list(value)
    for one in listed:
        if not isinstance(one, str):
            raise UserError(f"{name}: ids are strings, not {_shown(one)} ({type(one).__name__})")
    return [str(one) for one in listed]


def histories(value: object) -> list[tuple[str, str]]:
    """Pairs of user and item, of a mapping from user id to item ids; None: no pair.

    Raises:
        UserError: if it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, Mapping):
        raise UserError(f"histories: needs a mapping from user ids to lists of item ids, not {_shown(value)}")
    users = ids("histories", value)
    return [(user, item) for user in users for item in ids(f"histories[{user!r}]", value[user])]


def count(name: str, value: object, most: int | None = None) -> int:
    """A whole number from 1 on, at most `most`.

    Raises:
        UserError: if it is something else or below 1.
    """
    if isinstance(value, bool) or not isinstance(value, kinds.Integral) or value < 1:
        raise UserError(f"{name}: must be a whole number of at least 1, not {_shown(value)}")
    return int(value) if most is None else min(int(value), most)


def limits(value: object) -> dict[str, int]:
    """Limits by the name of a category; None: no limits.

    Raises:
        UserError: if it is no mapping from names to whole numbers of at least 1.
    """
    checked = _mapping("category_limits", {} if value is None else value)
    return {name: count(f"category_limits[{name!r}]", limit) for name, limit in checked.items()}


def text(name: str, value: object) -> str:
    """A text.

    Raises:
        UserError: if it is something else, or cannot be encoded.
    """
    if not isinstance(value, str):
        raise UserError(f"{name}: must be text, not {_shown(value)} ({type(value).__name__})")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise UserError(f"{name}: is not valid text: it has half of a surrogate pair") from None
    return value


def numbers(value: object) -> dict[str, float]:
    """Numbers by the name of a column.

    Raises:
        UserError: if it is no mapping from names to finite numbers.
    """
    checked = _mapping("numbers", value)
    return {name: _number(f"numbers[{name!r}]", one) for name, one in checked.items()}


def _number(name: str, value: object) -> float:
    try:
        number = float(value) if isinstance(value, kinds.Real) and not isinstance(value, bool) else math.nan
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise UserError(
            f"{name}: must be a finite number, not {_shown(value)}; leave it out if it is not known"
        )
    return number


def categories(value: object) -> dict[str, str | list[str]]:
    """Values by the name of a column: texts, or lists of texts.

    Raises:
        UserError: if it is something else.
    """
    checked = _mapping("categories", value)
    return {
        name: text(f"categories[{name!r}]", one)
        if isinstance(one, str)
        else ids(f"categories[{name!r}]", one)
        for name, one in checked.items()
    }


def picture(image: object) -> tuple[str, bytes] | None:
    """Name and bytes of a picture: of a path, of bytes, or of a Pillow picture; None: there is none.

    Raises:
        UserError: if it is something else, or cannot be read.
    """
    if image is None:
        return None
    if isinstance(image, Image.Image):
        return "image", _png(image)
    if isinstance(image, bytes | bytearray | memoryview):
        return "image", bytes(image)
    if not isinstance(image, str | Path):
        raise UserError(f"image: must be a path, bytes or a Pillow picture, not {type(image).__name__}")
    try:
        if Path(image).stat().st_size > LARGEST:
            raise UserError(f"{image}: too large; a picture's file has at most {LARGEST >> 20} MiB")
        return str(image), Path(image).read_bytes()
    except (OSError, ValueError) as error:  # a ValueError: a path with a NUL
        reason = getattr(error, "strerror", None) or error
        name = str(image)[:200].replace("\0", " ")
        raise UserError(f"{name}: cannot be read ({reason}); give the path of a picture") from None


def _png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    try:
        (image.convert(CONVERTED[image.mode]) if image.mode in CONVERTED else image).save(buffer, "PNG")
    except (OSError, ValueError, KeyError, SystemError, AttributeError) as error:
        raise UserError(
            f"image: a picture of mode {image.mode} cannot be used ({error}); convert it to RGB"
        ) from None
    return buffer.getvalue()


def _mapping(name: str, value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise UserError(f"{name}: needs a mapping from names of columns to values, not {_shown(value)}")
    return dict(value)


def _shown(value: object) -> str:
    """The beginning of a value."""
    try:
        shown = repr(value)
    except ValueError:  # an integer of more digits than Python writes
        shown = f"a {type(value).__name__}"
    return shown if len(shown) <= 80 else f"{shown[:80]} ..."
