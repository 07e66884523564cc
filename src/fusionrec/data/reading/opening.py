"""Files as bytes or text, gzipped or not; their first bytes tell."""

import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, TextIO, cast

from fusionrec.errors import UserError

GZIP = b"\x1f\x8b"


def is_gzip(path: Path) -> bool:
    """Whether a file begins as gzip does."""
    with path.open("rb") as file:
        return file.read(len(GZIP)) == GZIP


@contextmanager
def binary(path: Path) -> Iterator[BinaryIO]:
    """The bytes of a file, unpacked if it is gzip.

    Raises:
        UserError: if it cannot be opened or read, or the archive is damaged; also while it is being read.
    """
    try:
        with gzip.open(path) if is_gzip(path) else path.open("rb") as file:
            yield cast(BinaryIO, file)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UserError(f"{path}: the gzip archive is damaged ({error}); download it again") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None


@contextmanager
def text(path: Path, encoding: str, errors: str = "replace") -> Iterator[TextIO]:
    """The characters of a file, with its line ends as they are; a byte order mark is left out.

    Raises:
        UserError: see `binary`.
    """
    with binary(path) as file:
        yield io.TextIOWrapper(
            cast(IO[bytes], file), encoding=without_mark(encoding), errors=errors, newline=""
        )


def without_mark(encoding: str) -> str:
    """The encoding that leaves out a byte order mark."""
    return "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
