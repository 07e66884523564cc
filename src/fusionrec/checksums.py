"""Hashes of the files of a folder, which are kept in the folder and checked whenever one of its files is read.

`SHA256SUMS` has a line for each file beside it, in the format of the command sha256sum: `sha256sum -c SHA256SUMS`
checks them too. Folders without it, such as those of earlier versions, are not checked. It is a protection against
damage, not against somebody who changes the files and their hashes.
"""

import hashlib
import re
from pathlib import Path

from fusionrec.errors import DamagedError

NAME = "SHA256SUMS"
LINE = re.compile(r"([0-9a-f]{64})  (.+)")


def sha256(path: Path | str) -> str:
    """The SHA-256 hash of a file, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write(folder: Path) -> None:
    """Write `SHA256SUMS` into a folder and into each folder inside it that has files."""
    for directory in [folder, *(path for path in sorted(folder.rglob("*")) if path.is_dir())]:
        names = sorted(path.name for path in directory.iterdir() if path.is_file() and path.name != NAME)
        if names:
            lines = [f"{sha256(directory / name)}  {name}\n" for name in names]
            (directory / NAME).write_text("".join(lines), encoding="utf-8", newline="\n")


def check(path: Path | str) -> None:
    """Compare a file with its line in `SHA256SUMS`, if its folder has that.

    Raises:
        FileNotFoundError: if `SHA256SUMS` exists, but not the file.
        DamagedError: if the hash differs, or there is no line for the file.
    """
    path = Path(path)
    sums = path.parent / NAME
    if not sums.is_file():
        return
    expected = listed(sums).get(path.name)
    actual = sha256(path)
    if expected is None:
        raise DamagedError(f"{path}: not listed in {sums}; `fusionrec verify` says where the right files are")
    if actual != expected:
        raise DamagedError(
            f"{path}: damaged: its bytes are not those that were written (SHA-256 in {NAME}); `fusionrec verify` says "
            "where the right bytes are"
        )


def check_folder(folder: Path) -> None:
    """`check` each file that a folder's `SHA256SUMS` lists; others may be there, such as those of a user.

    Raises:
        DamagedError: if one is missing or differs, or there is no `SHA256SUMS`.
    """
    if not (folder / NAME).is_file():
        raise DamagedError(f"{folder}: has no {NAME}")
    for name in listed(folder / NAME):
        try:
            check(folder / name)
        except FileNotFoundError:
            raise DamagedError(f"{folder / name}: not found, but {NAME} lists it") from None


def listed(sums: Path) -> dict[str, str]:
    """The hashes in a file `SHA256SUMS`, by name.

    Raises:
        DamagedError: if a line is something else.
    """
    lines = sums.read_bytes().decode("utf-8", "replace").splitlines()
    matches = [LINE.fullmatch(line) for line in lines]
    if not all(matches):
        raise DamagedError(f"{sums}: damaged; `fusionrec verify` says where the right bytes are")
    return {match[2]: match[1] for match in matches if match}
