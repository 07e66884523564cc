"""Commands that end with the process that started them."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from fusionrec.experiments import child_process

SLEEPS = "import os,sys,time; open(sys.argv[1], 'w').write(str(os.getpid())); time.sleep(60)"
NESTED = f"import subprocess,sys; subprocess.run([sys.executable, '-c', {SLEEPS!r}, sys.argv[1]])"
STARTER = """
import sys, time
from pathlib import Path
from fusionrec.experiments import child_process
child_process.start(sys.argv[1:], Path(), Path("log"))
time.sleep(60)
"""


def appears(path: Path) -> int:
    """The process that wrote its number to `path`."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        if path.exists() and path.read_text():
            return int(path.read_text())
        time.sleep(0.02)
    raise AssertionError(f"{path} was not written")


def ends(process: int) -> bool:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if Path(f"/proc/{process}/stat").read_text().split()[2] == "Z":
            return True  # dead, and not yet collected
        time.sleep(0.02)
    return False


def test_output_and_exit_status_come_through(tmp_path: Path) -> None:
    script = "import os; print(os.getcwd()); raise SystemExit(3)"
    process = child_process.start([sys.executable, "-c", script], tmp_path, tmp_path / "logs/1.log")
    assert process.wait() == 3
    assert (tmp_path / "logs/1.log").read_text() == f"{tmp_path}\n"


def test_python_is_this_interpreter(tmp_path: Path) -> None:
    script = "import sys; print(sys.prefix)"
    assert child_process.start(["python", "-c", script], tmp_path, tmp_path / "log").wait() == 0
    assert (tmp_path / "log").read_text() == f"{sys.prefix}\n"


def test_stopping_ends_what_the_command_started(tmp_path: Path) -> None:
    process = child_process.start([sys.executable, "-c", NESTED, "pid"], tmp_path, tmp_path / "log")
    child = appears(tmp_path / "pid")
    child_process.stop(process)
    assert ends(child) and process.returncode != 0


def test_killing_the_starter_ends_what_the_command_started(tmp_path: Path) -> None:
    command = [sys.executable, "-c", NESTED, "pid"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    starter = subprocess.Popen([sys.executable, "-c", STARTER, *command], cwd=tmp_path, env=environment)
    child = appears(tmp_path / "pid")
    starter.send_signal(signal.SIGKILL)
    starter.wait()
    assert ends(child)
