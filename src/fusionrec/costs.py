"""What training and ranking cost: time, memory and weights.

Two runs never take the same time to the microsecond. So costs are in logs/costs, which neither Git nor DVC tracks, and
no result depends on them. `fusionrec variants` keeps those of the experiments that it runs.
"""

import resource
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from fusionrec import files

FOLDER = Path("logs/costs")
TRAINING, RANKING = "training", "ranking"  # what is measured; names of the files
KIB = 1 if sys.platform == "darwin" else 1024  # bytes in a unit of ru_maxrss
Cost = dict[str, Any]


@contextmanager
def measured(name: str, folder: Path = FOLDER) -> Iterator[Cost]:
    """Measure what happens in a `with` statement, and write it to the file `name`.

    Yields:
        What else is to be written. At the end it also has `seconds` and `memory_mb`: the peak memory of the process
        until then, with the largest amount that tensors took on the GPU as `gpu_mb`, if there is one; in megabytes.
    """
    cost: Cost = {}
    (folder / f"{name}.json").unlink(missing_ok=True)  # of an earlier run
    started = time.perf_counter()
    yield cost
    seconds = time.perf_counter() - started
    files.write_json(folder / f"{name}.json", {"seconds": seconds, **_memory(), **cost})


def _memory() -> Cost:
    peak = {"memory_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIB / 1e6}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        peak["gpu_mb"] = torch.cuda.max_memory_allocated() / 1e6
    return peak


def keep(checkout: Path, home: Path = FOLDER) -> None:
    """Copy what was measured in a checkout to the folder of its model in `home`.

    A model is known by its hash in dvc.lock. What DVC took from its cache was not measured again, so costs are kept
    from the run that did the work.
    """
    model = _locked(checkout / "dvc.lock")
    for path in sorted((checkout / FOLDER).glob("*.json")) if model else []:
        (home / str(model)).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, home / str(model))


def of_model(model: str, home: Path = FOLDER) -> dict[str, Cost]:
    """What is kept of the model with a hash in dvc.lock: {training: {seconds, ...}, ranking: ...}; may be empty."""
    paths = {name: home / model / f"{name}.json" for name in (TRAINING, RANKING)}
    return {name: files.read_json(path) for name, path in paths.items() if path.is_file()}


def _locked(path: Path) -> str | None:
    """The hash of data/model in a lock file; None if it has none."""
    import yaml

    locked = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader) if path.exists() else {}
    outs = (locked or {}).get("stages", {}).get("model", {}).get("outs", [])
    return next((out["md5"] for out in outs if out["path"] == "data/model"), None)
