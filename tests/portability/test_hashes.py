"""The portable mode gives the same bytes on CPUs of other makers and generations.

`hashes.txt` is what one machine printed; every machine that runs these tests is compared with it. After a change that
moves results on purpose: `python tests/portability/hashes.py > tests/portability/hashes.txt`.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("hashes.py")
KNOWN = SCRIPT.with_suffix(".txt")
QEMU = shutil.which("qemu-x86_64")


def by_name(text: str) -> dict[str, str]:
    """The hashes by what they are of."""
    pairs = (line.rpartition(" ") for line in text.splitlines())
    return {name: found for name, _, found in pairs}


def computed(*command: str) -> dict[str, str]:
    return by_name(subprocess.run(command, capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
def test_same_bytes_as_on_the_machine_that_wrote_them_down() -> None:
    known, found = by_name(KNOWN.read_text(encoding="utf-8")), computed(sys.executable, str(SCRIPT))
    both = known.keys() & found.keys()  # a new loss or encoder has no hash yet
    assert len(both) > 30
    assert {name: found[name] for name in both} == {name: known[name] for name in both}


@pytest.mark.slow
@pytest.mark.skipif(QEMU is None, reason="qemu-user is not installed")
def test_same_bytes_on_another_cpu() -> None:
    selected = sys.executable, str(SCRIPT), "ranking", "efficientnet"
    assert computed(str(QEMU), "-cpu", "Haswell", *selected) == computed(*selected)
