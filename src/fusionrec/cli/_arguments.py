"""Arguments that several subcommands share."""

import argparse

from fusionrec import runtime
from fusionrec.review.revision_files import WORKSPACE


def parser(command: str, about: str | None) -> argparse.ArgumentParser:
    """A parser for the arguments of a subcommand; `--help` shows `about`, its docstring, unchanged."""
    created = runtime.parser(about)
    created.prog = f"fusionrec {command}"
    return created


def two_sides(command: str, about: str | None) -> argparse.ArgumentParser:
    """A parser with the arguments `a` and `b`: one or more revisions each, by default HEAD and the workspace."""
    created = parser(command, about)
    created.add_argument("a", nargs="?", default="HEAD", metavar="A", help="default: HEAD")
    created.add_argument("b", nargs="?", default=WORKSPACE, metavar="B", help=f"default: {WORKSPACE}")
    return created


def positive(text: str) -> int:
    """The type of an argument that is a whole number of at least 1.

    Raises:
        ValueError: if it is not.
    """
    if int(text) < 1:
        raise ValueError
    return int(text)


def share(text: str) -> float:
    """The type of an argument that is a number from 0 to 1.

    Raises:
        ValueError: if it is not.
    """
    if not 0 <= float(text) <= 1:
        raise ValueError(text)
    return float(text)
