"""Runs the command `fusionrec` of this checkout, in any folder."""

import subprocess
from pathlib import Path

from . import warm

ROOT = Path(__file__).resolve().parents[1]


def fusionrec(folder: Path, *arguments: str, fails: bool = False) -> str:
    """What the command prints; where it fails, with its error output.

    A folder that is a checkout itself runs its own code; see `fusionrec.cli`.
    """
    command = [warm.python(), str(ROOT / "src/fusionrec"), *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode != 0) == fails, done.stdout + done.stderr
    return done.stdout + done.stderr if fails else done.stdout
