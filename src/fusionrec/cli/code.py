"""Writes the fingerprint of each stage's code to data/code; the stage `code` in src/dvc.yaml runs this.

    fusionrec code [STAGE]

With the name of a stage: shows the files that it can run, with their digests, and writes nothing.
"""

import shutil
import sys
from pathlib import Path

from fusionrec import code

FOLDER = Path("data/code")


def main(arguments: list[str]) -> None:
    """Run the command.

    Args:
        arguments: those after the name of the command.

    Raises:
        SystemExit: if there is no such stage.
    """
    if any(argument.startswith("-") for argument in arguments):
        print(__doc__)
        return
    listed = code.stages(Path.cwd())
    unknown = [name for name in arguments if name not in listed]
    if unknown:
        sys.exit(f"error: {unknown[0]} is not a stage; stages are {', '.join(listed)}")
    for name in arguments:
        print(code.listing(listed[name]), end="")
    if not arguments:
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for name, files in listed.items():
            (FOLDER / name).write_text(code.listing(files), encoding="utf-8", newline="\n")
