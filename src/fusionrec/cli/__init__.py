"""The command `fusionrec`. Each module of this package is a subcommand, with a function `main(arguments)`."""

import os
import sys
from importlib import import_module
from pathlib import Path

from fusionrec import choices, extras
from fusionrec.errors import UserError

PACKAGE = "fusionrec.cli"
# do not use numpy or torch, or pin them themselves; `code` runs at each `dvc repro`
UNPINNED = ("back", "code", "serve")


def main(arguments: list[str] | None = None) -> None:
    """Run a subcommand; without arguments, or with --help, list all subcommands.

    Args:
        arguments: the subcommand and its arguments. None: those of this process. Then, if the working directory is a
            checkout of FusionRec, its code runs, even if another checkout is installed.

    Raises:
        SystemExit: with status 2 if there is no such subcommand; with status 1 and a message on a `UserError`, or if
            a library is missing that an extra of the package brings.
    """
    if arguments is None:
        _run_the_checkout_here()
        arguments = sys.argv[1:]
    name, *rest = arguments or ["--help"]
    if name in ("-h", "--help"):
        print(_usage())
        return
    if name not in choices.names(PACKAGE):
        print(f"error: no command `{name}`; there are {', '.join(choices.names(PACKAGE))}", file=sys.stderr)
        raise SystemExit(2)
    try:
        _pin(name)
        import_module(f"{PACKAGE}.{name}").main(rest)
    except UserError as error:
        raise SystemExit(f"error: {error}") from None
    except ModuleNotFoundError as error:
        if (explained := extras.missing(error)) is None:
            raise
        raise SystemExit(f"error: fusionrec {name}: {explained}") from None


def _run_the_checkout_here() -> None:
    """If the working directory is another checkout than this one, replace this process by its code."""
    here = Path("src/fusionrec")
    if (here / "__main__.py").is_file() and not here.samefile(Path(__file__).parents[1]):
        os.execv(sys.executable, [sys.executable, str(here), *sys.argv[1:]])


def _pin(name: str) -> None:
    """Pin the numeric libraries (see `runtime.pin`) before the subcommand imports them."""
    if name not in UNPINNED:
        from fusionrec import runtime

        runtime.pin()


def _usage() -> str:
    summaries = choices.summaries(PACKAGE)
    width = max(map(len, summaries))
    lines = [f"  {name:<{width}}  {summary}" for name, summary in summaries.items()]
    return "\n".join(
        [
            "usage: fusionrec COMMAND [ARGUMENT ...]",
            "",
            *lines,
            "",
            "fusionrec COMMAND --help explains a command.",
        ]
    )
