"""Sources of raw data, one per file: each reads items, interactions and pictures in its own layout.

A module of this package has a function `read` as described by `Source`, and `class Options(Section)`, the
parameters that it reads from `raw.<name>`.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Protocol

from pydantic import Field

from fusionrec import choices
from fusionrec.choices import Choice
from fusionrec.data.vector_options import Vectors
from fusionrec.params import Choosing

if TYPE_CHECKING:
    from fusionrec.data.reading.dataset import Dataset

PACKAGE = "fusionrec.data.sources"


class Raw(Choosing):
    """What is read.

    `input` is the file or folder that the source reads; DVC re-runs the stage when it changes. `extensions` are
    the picture files that are taken, in lower case, with the dot.
    """

    before: ClassVar[dict[str, Any]] = {"vectors": {"vision": [], "language": [], "audio": []}}

    source: Annotated[str, Choice("fusionrec.data.sources", "raw.source")]
    input: str
    extensions: list[Annotated[str, Field(pattern=r"^\.[a-z0-9]+$")]]
    vectors: Vectors


class Source(Protocol):
    """A module of this package."""

    def read(self, folder: Path, extensions: list[str], own: Any) -> "Dataset":
        """Read a data set.

        Args:
            folder: `raw.input`; nothing outside it may be read.
            extensions: of picture files, see `Raw`.
            own: the source's `Options`.

        Raises:
            UserError: if a file is missing, leads out of the folder, or cannot be read.
        """


def load(name: str) -> Source:
    """Import the source `name`, and no other."""
    source: Source = choices.load(PACKAGE, name)
    return source
