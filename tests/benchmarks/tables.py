"""The stages clean and splits on generated logs: seconds, peak memory, and growth with the number of rows.

Not a test; run it on a quiet machine, from the repository's root:
`python tests/benchmarks/tables.py [interactions, default 20000000]`. The floor, measured in the same run:
read the raw log, sort it by user, time and item, write it again.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import numpy as np
import pandas as pd
import yaml
from tests.benchmarks.interactions import generate, names

from fusionrec import files

ROOT = Path(__file__).resolve().parents[2]
ITEMS, ROWS_A_USER = 100_000, 20
FLOOR = """
import pandas as pd
log = pd.read_parquet("data/raw/tables/interactions.parquet")
log["timestamp"] = log["timestamp"].astype("int64")
log.sort_values(["user_id", "timestamp", "item_id"]).to_parquet("floor.parquet", index=False)
"""


class Cost(NamedTuple):
    """Of one process: wall-clock seconds and peak memory in GB."""

    seconds: float
    peak: float


def run(folder: Path, *args: str) -> Cost:
    """Run Python with `args` in `folder`."""
    started = time.perf_counter()
    environment = os.environ | {"PYTHONHASHSEED": "0"}
    here = Path.cwd()
    os.chdir(folder)
    process = os.spawnve(os.P_NOWAIT, sys.executable, [sys.executable, *args], environment)
    os.chdir(here)
    _, status, usage = os.wait4(process, 0)
    assert status == 0, args
    return Cost(time.perf_counter() - started, usage.ru_maxrss * 1024 / 1e9)


def prepare(folder: Path, rows: int) -> None:
    """Raw tables, a manifest without pictures, and the parameters, with a core of 5 on either side."""
    log = generate(max(rows // ROWS_A_USER, 10), ITEMS, rows, seed=1)
    files.write_table(folder / "data/raw/tables/interactions.parquet", log)
    ids = names("i", ITEMS)
    items = pd.DataFrame({"row": np.arange(1, ITEMS + 1), "item_id": ids, "title": ids, "description": None})
    files.write_table(folder / "data/raw/tables/items.parquet", items.astype({"description": "str"}))
    nothing = pd.DataFrame({"table": [], "reason": []}, dtype="str")
    files.write_table(folder / "data/raw/tables/rejected.parquet", nothing)
    columns = ["status", "duplicate_of", "near_duplicate_of"]
    manifest = pd.DataFrame({"item_id": ids, **dict.fromkeys(columns)}).astype(dict.fromkeys(columns, "str"))
    files.write_table(folder / "data/images/manifest.parquet", manifest)
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["clean"] |= {"min_user_interactions": 5, "min_item_interactions": 5}
    tree["splits"]["strategy"] = "temporal"
    (folder / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")


def measure(rows: int) -> dict[str, Cost]:
    """The costs of the floor and of both stages."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, rows)
        return {
            "floor": run(folder, "-c", FLOOR),
            "clean": run(folder, str(ROOT / "stages/clean.py")),
            "splits": run(folder, str(ROOT / "stages/splits.py")),
        }


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000
    seconds = {}
    for rows in (most // 10, most):
        costs = measure(rows)
        for name, cost in costs.items():
            print(f"{rows:>12,} rows  {name:<6} {cost.seconds:6.1f} s  peak {cost.peak:.2f} GB")
        seconds[rows] = costs["clean"].seconds + costs["splits"].seconds
        print(
            f"{'':>17} clean + splits {seconds[rows]:.1f} s, {seconds[rows] / costs['floor'].seconds:.2f}x the floor"
        )
    print(f"ten times the rows take {seconds[most] / seconds[most // 10]:.1f} times as long")


if __name__ == "__main__":
    main()
