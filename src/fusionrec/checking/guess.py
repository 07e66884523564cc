"""Guesses, the values of parameters that follow from a folder of data; each has its reason, and can be overruled."""

from typing import Any, NamedTuple

import pandas as pd

from fusionrec.checking.columns import TRIED, Column
from fusionrec.checking.folder import Table
from fusionrec.data import parsing

FILES = "raw.files"
COLUMNS = "raw.files.columns"


class Setting(NamedTuple):
    """A value for a parameter, and why."""

    value: Any
    why: str


class Guess:
    """All that is guessed so far.

    Args:
        fixed: values that the user has given, by the full names of parameters; they are never changed.

    Attributes:
        settings: by the full name of the parameter, in the order in which they were made.
        questions: what cannot be decided, with the parameters that decide it.
        notes: what the user should know about the data.
        unused: columns that have no role, each with the reason.
    """

    def __init__(self, fixed: dict[str, Any]):
        self.fixed = fixed
        self.settings = {name: Setting(value, "given with -S") for name, value in fixed.items()}
        self.questions: list[str] = []
        self.notes: list[str] = []
        self.unused: dict[str, str] = {}

    def set(self, name: str, value: Any, why: str) -> Any:
        """Note a guess, unless the user has given a value; the value that counts is returned."""
        if name not in self.fixed:
            self.settings[name] = Setting(value, why)
        return self.settings[name].value

    def ask(self, question: str, name: str, values: list[str]) -> None:
        """Note a question that -S `name`=value answers."""
        answers = " or ".join(f"-S {name}={quoted(value)}" for value in values[:6])
        self.questions.append(f"{question} Answer with {answers}")


def printable(text: str) -> str:
    """A text with escapes in place of line ends and characters that a terminal would obey."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def quoted(value: str) -> str:
    """A text as -S takes it from a shell."""
    return value if value.replace("_", "").isalnum() and value.isascii() else f"\"'{value}'\""


class Source(NamedTuple):
    """A table in a role.

    Attributes:
        table: the table.
        columns: of the table.
        key: the column with the ids of items.
    """

    table: Table
    columns: list[Column]
    key: Column

    def others(self, *taken: Column | None) -> list[Column]:
        """The columns besides the key and those that are taken."""
        names = {self.key.name, *(column.name for column in taken if column)}
        return [column for column in self.columns if column.name not in names]


def alike(ours: pd.Index, theirs: pd.Index) -> list[tuple[str, str]]:
    """Those of our ids that have the usual form of one of theirs, in order, each with that one."""
    known = dict(zip(parsing.usual_form(theirs), theirs, strict=True))
    forms = zip(ours, parsing.usual_form(ours), strict=True)
    return [(written, known[form]) for written, form in forms if form in known]


def overlap(some: Column, all_of: Column) -> tuple[float, float]:
    """The share of the values of a column that another has: as they are written, and in their usual form.

    At most `columns.TRIED` distinct values are compared.
    """
    ours = list(some.counts)[:TRIED]
    if not ours:
        return 0.0, 0.0
    plain = sum(value in all_of.counts for value in ours) / len(ours)
    if plain == 1:
        return plain, plain
    forms = parsing.usual_form(pd.Index(ours, dtype="str"))
    return plain, sum(form in all_of.usual for form in forms) / len(ours)
