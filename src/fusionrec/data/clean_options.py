"""Parameters of cleaning: the section `clean`."""

from typing import Annotated, Literal

from pydantic import Field

from fusionrec.params import Natural, Section


class Clean(Section):
    """How the raw tables are cleaned.

    Interactions rated below `min_rating` are dropped; null keeps all of them. `text` is the template of what the
    language encoder reads: a part whose fields are empty is left out. `known_later` and `known_before` decide
    about number columns that may have been counted after the interactions (see
    `fusionrec.data.leaking_columns`). Users and items with fewer than `min_user_interactions` and
    `min_item_interactions` are dropped, until all that are left have enough.
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
