"""Scratch folders: an output is written into one before it replaces the earlier output.

The name of a scratch folder has the id of its process, so that what a killed process has left can be told and deleted.
"""

import os
import re
import shutil
import tempfile
from pathlib import Path

NAME = re.compile(r"\..+?\.(?:(\d+)\.)?[a-z0-9_]{8}")  # with the process since 0.3


def make(path: Path) -> Path:
    """An empty scratch folder beside `path`; those that killed processes have left for it are deleted."""
    sweep(path.parent, f".{path.name}.*")
    return Path(tempfile.mkdtemp(prefix=f".{path.name}.{os.getpid()}.", dir=path.parent))


def sweep(folder: Path, pattern: str = ".*", unknown: bool = False) -> list[Path]:
    """Delete scratch folders in `folder` whose process has ended; returns which.

    Args:
        folder: where to look, without the folders inside.
        pattern: of the names.
        unknown: whether to delete those of an earlier version too, which do not say their process.
    """
    swept = []
    for path in sorted(folder.glob(pattern)):
        match = NAME.fullmatch(path.name)
        if match and path.is_dir() and (unknown if match[1] is None else not _runs(int(match[1]))):
            shutil.rmtree(path, ignore_errors=True)
            swept.append(path)
    return swept


def sweep_outputs(root: Path, unknown: bool = False) -> list[Path]:
    """`sweep` the folders in which stages write."""
    tops = [root / name for name in ("data", "metrics", "plots")]
    inside = [path for top in tops for path in sorted(top.glob("[!.]*")) if path.is_dir()]
    return [path for folder in [*tops, *inside] for path in sweep(folder, unknown=unknown)]


def _runs(process: int) -> bool:
    """Whether a process of this machine runs."""
    import psutil  # type: ignore[import-untyped]  # late: there is seldom something to sweep

    return bool(psutil.pid_exists(process))
