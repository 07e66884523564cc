"""What results depend on besides code, parameters and data: packages, Python, CPU, settings of libraries."""

import os
import platform
import re
from importlib import metadata
from pathlib import Path
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement

from fusionrec import runtime

RECORD = "environment.json"  # in the repository, beside dvc.lock; no stage reads or writes it
PINNED = "requirements.txt"
SETTINGS = re.compile(
    "(ATEN|BLIS|CUBLAS|CUDA|CUDNN|DNNL|GOTO|KMP|MKL|NPY|NVIDIA|OMP|ONEDNN|OPENBLAS|TORCH)_.*|LD_PRELOAD"
)
INSTRUCTIONS = re.compile("(amx|avx|bmi|f16c|fma|sse|asimd|sve)")


def here(reproducible: str) -> dict[str, Any]:
    """Python, system, CPU, and the variables that numeric libraries read, with `runtime.reproducible` applied."""
    model, flags = _cpu(Path("/proc/cpuinfo"))
    own = {name: value for name, value in os.environ.items() if SETTINGS.fullmatch(name)}
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "C library": " ".join(platform.libc_ver()),
        "CPU": model or platform.processor(),
        "instructions": sorted(flag for flag in flags if INSTRUCTIONS.match(flag)),
        "settings": dict(sorted((own | runtime.PINS[reproducible]).items())),
    }


def _cpu(listing: Path) -> tuple[str, list[str]]:
    """Name and flags of the first CPU; empty where the system lists none."""
    text = listing.read_text(encoding="utf-8") if listing.exists() else ""
    values = dict(re.findall(r"^(model name|flags|Features)\s*: (.*)$", text.split("\n\n")[0], re.M))
    return values.get("model name", ""), (values.get("flags") or values.get("Features", "")).split()


def differences(recorded: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """What two results of `here` do not share, a line each."""
    lines = []
    for name in [*recorded, *(name for name in now if name not in recorded)]:
        old, new = recorded.get(name), now.get(name)
        if isinstance(old, list) and isinstance(new, list):
            lines += _added(f"{name} of the record that are missing here", {*old} - {*new})
            lines += _added(f"{name} here that the record lacks", {*new} - {*old})
        elif isinstance(old, dict) and isinstance(new, dict):
            lines += differences(old, new)
        elif old != new:
            lines.append(f"{name}: {new} here, {old} in the record")
    return lines


def _added(what: str, names: set[str]) -> list[str]:
    return [f"{what}: {', '.join(sorted(names))}"] if names else []


def packages(pinned: Path) -> list[str]:
    """The installed packages whose version is not the one in a file such as requirements.txt, a line each.

    Packages that are not installed are left out: nothing has been computed with them.
    """
    lines = []
    for line in pinned.read_text(encoding="utf-8").splitlines():
        try:
            requirement = Requirement(line.partition("#")[0])
        except InvalidRequirement:  # a comment, or the project itself
            continue
        installed = _installed(requirement.name)
        applies = requirement.marker is None or requirement.marker.evaluate()
        if applies and installed and f"=={installed}" != str(requirement.specifier):
            lines.append(f"{requirement.name}: {installed} here, {requirement.specifier} in {pinned.name}")
    return lines


def _installed(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
