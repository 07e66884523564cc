"""What a stage costs: seconds, memory and weights.

They differ from run to run, so they are no output of a stage: they are in logs/costs/<stage>.json, which neither Git
nor DVC tracks. `fusionrec variants` keeps those of each experiment beside its log.
"""

import json
import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

FOLDER = Path("logs/costs")
_noted: dict[str, float] = {}


def note(**values: float) -> None:
    """Keep values for the file of this process's stage."""
    _noted.update(values)


@contextmanager
def timed(name: str) -> Iterator[None]:
    """Keep how long something takes: <name>_cpu, seconds of all processors, and <name>_seconds by the clock."""
    cpu, clock = _cpu(), time.perf_counter()
    yield
    note(**{f"{name}_cpu": _cpu() - cpu, f"{name}_seconds": time.perf_counter() - clock})


def write(stage: str, seconds: float) -> None:
    """Write what was noted, the time of the stage, and its peak of memory; without a writable folder, nothing."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    found = {"seconds": seconds, "cpu": _cpu(), "peak_mb": peak, **_noted}
    with suppress(OSError):
        FOLDER.mkdir(parents=True, exist_ok=True)
        text = json.dumps({name: round(value, 3) for name, value in found.items()}, indent=2)
        (FOLDER / f"{stage}.json").write_text(text + "\n", encoding="utf-8")


def collected(folder: Path) -> dict[str, Any]:
    """The costs of all stages that ran in the repository `folder`, by stage."""
    paths = sorted((folder / FOLDER).glob("*.json"))
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in paths}


def _cpu() -> float:
    """CPU seconds of this process and of its children that have ended."""
    own, ended = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return own.ru_utime + own.ru_stime + ended.ru_utime + ended.ru_stime
