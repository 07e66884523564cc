"""Errors of the system as messages."""

import errno
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from fusionrec import cli, files
from fusionrec.errors import of_system


@pytest.mark.parametrize(
    "number", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG]
)
def test_faults_of_a_disk(number: int) -> None:
    message = of_system(OSError(number, "", "data/x"))
    assert (
        message is not None
        and str(message).startswith("data/x: ")
        and "nothing is half-written" in str(message)
    )


def test_other_errors_are_mistakes_of_ours() -> None:
    assert of_system(OSError(errno.EBADF, "")) is None and of_system(OSError("no number")) is None


def test_a_command_on_a_full_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def full(arguments: list[str]) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", "data/code/raw")

    monkeypatch.setattr("fusionrec.cli.code.main", full)
    with pytest.raises(SystemExit, match=r"error: data/code/raw: No space left on device; free some space"):
        cli.main(["code"])


def test_safetensors_say_what_the_system_said(tmp_path: Path) -> None:
    """The library hides the number of the error in its text; a limit on the size of files stands for a full disk."""
    script = f"""
import resource, sys, torch
from fusionrec import files, runtime
def main():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    files.write_tensors({str(tmp_path / "a.safetensors")!r}, {{"x": torch.ones(10_000)}})
runtime.command(main)
"""
    files.write_tensors(tmp_path / "a.safetensors", {"x": torch.ones(3)})
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "a.safetensors: File too large" in done.stderr
    assert files.read_tensors(tmp_path / "a.safetensors")["x"].numel() == 3
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]
