"""Encoders give the same bytes on CPUs of other makers and generations, emulated by QEMU."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("hashes.py")
QEMU = shutil.which("qemu-x86_64")


def hashes(*prefix: str) -> list[str]:
    command = [*prefix, sys.executable, str(SCRIPT), "efficientnet", "sentence-bert"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.slow
@pytest.mark.skipif(QEMU is None, reason="qemu-user is not installed")
def test_same_bytes_on_another_cpu() -> None:
    assert hashes(str(QEMU), "-cpu", "Haswell") == hashes()
