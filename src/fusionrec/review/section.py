"""A table of a review, as text."""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple

ROWS = 40  # of a table


class Section(NamedTuple):
    """A table with its title.

    Attributes:
        title: of the section.
        head: of the columns.
        rows: cells as text.
        text: how many leading columns are words; the others are numbers.
        notes: sentences below the table.
        folded: further rows, which a click shows.
        summary: what these are.
    """

    title: str
    head: list[str]
    rows: list[list[str]]
    text: int
    notes: list[str]
    folded: Sequence[list[str]] = ()
    summary: str = ""


def section(
    title: str, head: list[str], text: int, rows: Iterable[list[str]], notes: Iterable[str] = ()
) -> Section:
    """A section of at most `ROWS` rows, with a note on how many were left out."""
    cells = list(rows)
    rest = [f"And {len(cells) - ROWS:,} more."] if len(cells) > ROWS else []
    return Section(title, head, cells[:ROWS], text, [*rest, *notes])


def interval(ends: dict[str, float], form: str = ".4f") -> str:
    """A mean, with its interval if there is one."""
    mean = f"{ends['mean']:{form}}"
    if math.isnan(ends.get("low", math.nan)):
        return mean
    return f"{mean} ({ends['low']:{form}} to {ends['high']:{form}})"
