"""Parameters of given vectors: `raw.vectors`."""

from typing import Any, ClassVar

from fusionrec.params import Section


class VectorFile(Section):
    """A file of vectors: a NumPy array `file` with a row for each id in `ids`, a .txt, .json or .npy file.

    A .txt file has one id a line; a .json file has a list of ids, or a mapping from id to row; a .npy file has an array
    of ids. null: the rows are in the order of the table of items; without such a table, row i is of the item i.
    """

    file: str
    ids: str | None


class Vectors(Section):
    """Vectors that others computed, in `raw.input`; several files of a modality are put side by side."""

    before: ClassVar[dict[str, Any]] = {"audio": []}
    vision: list[VectorFile]
    language: list[VectorFile]
    audio: list[VectorFile]
