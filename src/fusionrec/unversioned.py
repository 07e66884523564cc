"""Keeps a user's data out of Git: `dvc exp run` commits what a stage reads, unless Git ignores it."""

import subprocess
from pathlib import Path

from fusionrec.errors import UserError


def refuse(folder: Path, repository: Path) -> None:
    """Refuse an input inside the repository that Git would take in.

    Args:
        folder: `raw.input`; relative to `repository`, or absolute. Need not exist.
        repository: of the experiments. If it is not in Git, nothing is refused.

    Raises:
        UserError: if files in it are neither tracked nor ignored by Git; `dvc add` makes Git ignore them.
    """
    place = (repository / folder).resolve()
    if not place.exists() or not place.is_relative_to(repository.resolve()):
        return
    command = ["git", "ls-files", "-z", "--others", "--exclude-standard", "--", str(place)]
    try:
        listed = subprocess.run(command, cwd=repository, capture_output=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):  # no Git
        return
    names = listed.decode(errors="backslashreplace").split("\0")[:-1]
    names = [
        name for name in names if not name.endswith((".dvc", "/.gitignore"))
    ]  # of DVC, made to be committed
    if names:
        example = names[0] + (f" and {len(names) - 1:,} more files" if len(names) > 1 else "")
        raise UserError(
            f"raw.input: {folder} is inside the repository, and Git does not ignore {example}: `dvc exp run` would "
            f"commit your data. Run `dvc add {folder}` first, or move the folder out of the repository"
        )
