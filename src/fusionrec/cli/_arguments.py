"""Arguments that several subcommands share."""

import argparse

from fusionrec import runtime
from fusionrec.review.revision_files import WORKSPACE


def parser(command: str, about: str | None) -> argparse.ArgumentParser:
    """The arguments of a subcommand; `--help` shows `about`, its docstring, as it is."""
    made = runtime.parser(about)
    made.prog = f"fusionrec {command}"
    return made


def two_revisions(command: str, about: str | None) -> argparse.ArgumentParser:
    """A parser with the arguments `a` and `b`, two revisions; by default HEAD and the workspace."""
    made = parser(command, about)
    made.add_argument("a", nargs="?", default="HEAD", metavar="A", help="default: HEAD")
    made.add_argument("b", nargs="?", default=WORKSPACE, metavar="B", help=f"default: {WORKSPACE}")
    return made


def positive(text: str) -> int:
    """The type of an argument that counts something."""
    if int(text) < 1:
        raise ValueError
    return int(text)


def share(text: str) -> float:
    """The type of an argument from 0 to 1."""
    if not 0 <= float(text) <= 1:
        raise ValueError(text)
    return float(text)
