"""Writes the fingerprint of each stage's code to data/code; the stage `code` in src/dvc.yaml runs this.

    fusionrec code [STAGE]

With the name of a stage: shows the files that it can run, with their digests, and writes nothing.

It runs before all other stages, deletes what killed stages have left, stops if `raw.input` is data that `dvc exp run`
would commit to Git, and says if HEAD was left detached by an interrupted `dvc exp run`.
"""

import os
import shutil
import sys
from pathlib import Path

from fusionrec import code, scratch, unversioned
from fusionrec.experiments import interruption

FOLDER = Path("data/code")


def main(arguments: list[str]) -> None:
    """Run the command.

    Args:
        arguments: those after the name of the command.

    Raises:
        SystemExit: if there is no such stage.
        UserError: if the data of `raw.input` would be committed.
    """
    if any(argument.startswith("-") for argument in arguments):
        print(__doc__)
        return
    here = Path.cwd()
    listed = code.stages(here)
    unknown = [name for name in arguments if name not in listed]
    if unknown:
        sys.exit(f"error: {unknown[0]} is not a stage; stages are {', '.join(listed)}")
    for name in arguments:
        print(code.listing(listed[name]), end="")
    if not arguments:
        unversioned.refuse(Path(code.Code(here).parameters["raw"]["input"]), here)
        _warn_if_detached(here)
        scratch.sweep_outputs(here)
        shutil.rmtree(FOLDER, ignore_errors=True)
        FOLDER.mkdir(parents=True)
        for name, files in listed.items():
            (FOLDER / name).write_text(code.listing(files), encoding="utf-8", newline="\n")


def _warn_if_detached(here: Path) -> None:
    """Say how to return to the branch. DVC's own copies of the repository, in .dvc, have none."""
    branch = None if ".dvc" in here.parts else interruption.lost_branch(here, "DVC_EXP_NAME" in os.environ)
    if branch:
        print(
            f"HEAD is detached since an interrupted `dvc exp run`, so new commits are on no branch: `fusionrec back` "
            f"returns to {branch}",
            file=sys.stderr,
        )
