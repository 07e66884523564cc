"""Single flipped bits in intermediate files of every kind: each is found, or it was never read.

FUSIONREC_FLIPS says how many the long form makes. Time and size of the files stay as they were, as on a disk that
decays, so DVC itself notices nothing.
"""

import os
import random
import subprocess
from pathlib import Path

import pytest

from .. import warm
from ..checkouts import TINY, change, clone, commit, dvc
from ..command import fusionrec
from .test_kills import contents

FLIPS = int(os.environ.get("FUSIONREC_FLIPS", "12"))
READERS = {  # which stages read what
    "data/raw/tables": ["clean", "images", "metrics"],
    "data/raw/images": ["images"],
    "data/clean": ["splits"],
    "data/images": ["splits", "recs"],
    "data/splits": ["model", "recs"],
    "data/cache": ["model"],
    "data/model": ["recs"],
}


def flip(path: Path, bit: int) -> None:
    state, content = path.stat(), bytearray(path.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    path.write_bytes(content)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns))


@pytest.mark.slow
def test_no_flipped_bit_is_used(tmp_path: Path) -> None:
    folder, draw = clone(tmp_path / "tiny"), random.Random(3)
    change(folder, TINY)
    commit(folder)
    dvc(folder, "repro")
    expected = contents(folder)
    assert "nothing is wrong" in fusionrec(folder, "verify")
    for number in range(FLIPS):
        root = [*READERS][number % len(READERS)]
        files = [path for path in sorted((folder / root).rglob("*")) if path.is_file()]
        path = draw.choice(files)
        bit = draw.randrange(8 * path.stat().st_size)
        flip(path, bit)
        name = path.relative_to(folder).as_posix()
        assert name in fusionrec(folder, "verify", fails=True), name
        for stage in READERS[root]:
            script = [warm.python(), f"stages/{stage}.py"]
            done = subprocess.run(script, cwd=folder, capture_output=True, text=True, check=False)
            assert "Traceback" not in done.stderr, done.stderr
            assert done.returncode or {**contents(folder), name: ""} == {**expected, name: ""}, (
                name,
                bit,
                stage,
            )
        flip(path, bit)
        assert contents(folder) == expected
