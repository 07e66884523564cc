"""Sources of raw data, one a file: each reads items, interactions and pictures in its own layout.

A source is a module with a function `read(folder: Path, extensions: list[str], own: Options) -> Dataset`, where
`own` are its own parameters, `raw.<name>`.
"""

from pathlib import Path
from typing import Annotated, Any, Protocol, cast

from pydantic import Field

from fusionrec import choices
from fusionrec.choices import Choice
from fusionrec.params import Choosing

PACKAGE = "fusionrec.data.sources"


class Raw(Choosing):
    """What is read. `input` is what the source reads, so that DVC notices when it changes."""

    source: Annotated[str, Choice("fusionrec.data.sources", "raw.source")]
    input: str
    extensions: list[Annotated[str, Field(pattern=r"^\.[a-z0-9]+$")]]
