"""Parameters of cleaning: the section `clean`."""

from typing import Annotated, Literal

from pydantic import Field

from fusionrec.params import Natural, Section


class Clean(Section):
    """`min_rating: null` counts every interaction as a choice.

    `text` is the template of what the language encoder reads: a part whose fields are empty is left out.
    `known_later` and `known_before` decide about numbers that look like a popularity that was counted
    after the choices (see `fusionrec.data.hindsight`).
    """

    separators: list[Annotated[str, Field(min_length=1)]]
    strip_html: bool
    fix_mojibake: bool
    unicode: Literal["NFKC", "NFC", "none"]
    lowercase: bool
    text: Annotated[list[str], Field(min_length=1)]
    known_later: list[str]
    known_before: list[str]
    min_rating: float | None
    min_user_interactions: Natural
    min_item_interactions: Natural
