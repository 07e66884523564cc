"""A file that is not what it must be."""

from collections.abc import Callable
from typing import NamedTuple


class Fault(NamedTuple):
    """A damaged, missing or unexpected file.

    Attributes:
        path: of the file.
        what: what is wrong with it.
        source: where the right bytes can come from.
        mend: takes the wrong bytes away, or replaces them from a copy here; None if that is for the user to decide,
            because the bytes may be the last ones, or new ones.
        output: the output of DVC that it belongs to; None if it belongs to none.
    """

    path: str
    what: str
    source: str
    mend: Callable[[], object] | None = None
    output: str | None = None
