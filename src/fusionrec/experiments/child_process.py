"""Runs a command that ends with the process that started it, even if that one is killed.

This file is also the script that runs between the two: it reads from a pipe that closes when the starting process
ends, and then kills the command and everything that the command started.
"""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path


def start(command: list[str], folder: Path, log: Path) -> "subprocess.Popen[bytes]":
    """Run `command` in `folder`, with its output in `log`. `python` in it is this interpreter."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, __file__, *command],
            cwd=folder, env=environment, stdin=subprocess.PIPE, stdout=file, stderr=subprocess.STDOUT,
        )  # fmt: skip


def stop(process: "subprocess.Popen[bytes]") -> None:
    """Kill the command, and wait until it has ended."""
    assert process.stdin is not None
    process.stdin.close()
    process.wait()


def main() -> None:
    """The script."""
    command = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL, start_new_session=True)

    def follow() -> None:
        os.read(0, 1)  # nothing is ever written: it returns when the pipe closes
        os.killpg(command.pid, signal.SIGKILL)

    threading.Thread(target=follow, daemon=True).start()
    os._exit(command.wait() & 0xFF)


if __name__ == "__main__":
    main()
