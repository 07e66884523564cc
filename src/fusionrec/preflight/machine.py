"""What this machine has: memory, disk and CPUs."""

import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

LIMIT = Path("/sys/fs/cgroup/memory.max")  # of a container


class Machine(NamedTuple):
    """Bytes of memory and of free disk, and CPUs that this process may use."""

    memory: float
    disk: float
    cpus: int


def this(folder: Path | str = ".", limit: Path = LIMIT) -> Machine:
    """The machine that this process runs on.

    Args:
        folder: on the disk.
        limit: file with the limit of a container.
    """
    memory = float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    with suppress(OSError, ValueError):  # no container, or "max"
        memory = min(memory, float(limit.read_text()))
    return Machine(memory, float(shutil.disk_usage(folder).free), len(os.sched_getaffinity(0)))
