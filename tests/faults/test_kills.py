"""SIGKILL at random moments: the next run ends in the same bytes, and nothing is left behind.

The long form kills the whole process group of `dvc repro` over a small pipeline; FUSIONREC_KILLS says how often.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fusionrec import checksums, files, scratch

from .. import warm
from ..checkouts import TINY, change, clone, commit, dvc

KILLS = int(os.environ.get("FUSIONREC_KILLS", "5"))
WRITER = """
import sys
from fusionrec import files
for number in range(10**9):
    with files.replacing_folder(sys.argv[1]) as folder:
        for name in "abcdef":
            (folder / name).write_bytes(number.to_bytes(8, "big") * 20_000)
    print(number, flush=True)
"""


def test_a_folder_is_whole_whenever_its_writer_is_killed(tmp_path: Path) -> None:
    draw = random.Random(1)
    for _ in range(6):
        writer = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path / "out")], stdout=subprocess.PIPE
        )
        assert writer.stdout is not None
        for _ in range(draw.randint(1, 3)):
            writer.stdout.readline()
        time.sleep(draw.random() / 100)
        writer.kill()
        writer.communicate()
        if (tmp_path / "out").exists():  # between two renames it may be gone: then it is made again
            checksums.check_folder(tmp_path / "out")
            assert len({(tmp_path / "out" / name).read_bytes() for name in "abcdef"}) == 1
    with files.replacing_folder(tmp_path / "out") as folder:
        (folder / "a").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def contents(folder: Path) -> dict[str, str]:
    """Hashes of all that stages write, and of the locks."""
    paths = [path for name in ("data", "metrics", "plots") for path in (folder / name).rglob("*")]
    paths += [folder / "dvc.lock", folder / "src/dvc.lock"]
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in paths
        if path.is_file()
    }


@pytest.mark.slow
def test_dvc_repro_recovers_from_kills_at_any_moment(tmp_path: Path) -> None:
    folder, draw = clone(tmp_path / "tiny"), random.Random(2)
    change(folder, TINY)
    commit(folder)
    started = time.monotonic()
    dvc(folder, "repro", "--force")
    whole = time.monotonic() - started
    expected = contents(folder)
    for _ in range(KILLS):
        env = os.environ | {"PATH": warm.path()}
        group = subprocess.Popen(
            ["dvc", "repro", "--force"],
            cwd=folder,
            env=env,
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(draw.uniform(0, whole))
        if group.poll() is None:
            os.killpg(group.pid, signal.SIGKILL)
        group.wait()
        dvc(folder, "repro")
        assert contents(folder) == expected
        assert scratch.sweep_outputs(folder) == [], "swept at the start"
