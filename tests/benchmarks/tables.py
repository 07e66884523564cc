"""The stages raw, clean and splits on generated logs: CPU seconds, peak memory, disk, and how they grow with the rows.

Not a test; run it from the repository's root: `python tests/benchmarks/tables.py [interactions, default 20000000]`. The
log has the shape of PixelRec: 6.6 interactions a user, long-tailed items. Its coefficients are in
`fusionrec.preflight.coefficients`; each line compares what was seen with what they forecast.
"""

import math
import os
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "src"))

import pandas as pd
import pyarrow as pa
import yaml
from pyarrow import csv
from tests.benchmarks.interactions import generate, names

from fusionrec import files
from fusionrec.preflight import forecast
from fusionrec.preflight.sizes import Sizes

ROOT = Path(__file__).resolve().parents[2]
ITEMS, ROWS_A_USER = 100_000, 6.6
STAGES = ("raw", "clean", "splits")


class Cost(NamedTuple):
    """Of one process: CPU seconds, and peak memory in bytes."""

    seconds: float
    memory: float


def run(folder: Path, *args: str) -> Cost:
    """Run Python with `args` in `folder`."""
    here = Path.cwd()
    os.chdir(folder)
    process = os.spawnve(os.P_NOWAIT, sys.executable, [sys.executable, *args], os.environ.copy())
    os.chdir(here)
    _, status, usage = os.wait4(process, 0)
    assert status == 0, args
    return Cost(usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024)


def prepare(folder: Path, rows: int) -> None:
    """A folder of CSV files, a manifest without pictures, and the parameters, with a core of 5 on either side."""
    (folder / "mine").mkdir()
    log = generate(max(int(rows / ROWS_A_USER), 10), ITEMS, rows, seed=1)
    ids = {name: pa.array(log[name].astype("str")) for name in ("user_id", "item_id")}
    csv.write_csv(pa.table(ids | {"timestamp": pa.array(log["timestamp"])}), folder / "mine/interactions.csv")
    items = names("i", ITEMS)
    pd.DataFrame({"item_id": items, "title": items}).to_csv(folder / "mine/items.csv", index=False)
    columns = ["status", "duplicate_of", "near_duplicate_of"]
    manifest = pd.DataFrame({"item_id": items, **dict.fromkeys(columns)}).astype(
        dict.fromkeys(columns, "str")
    )
    files.write_table(folder / "data/images/manifest.parquet", manifest)
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["raw"] |= {"source": "files", "input": "mine"}
    tree["raw"]["files"]["images"] = None
    tree["raw"]["files"]["columns"] |= {"description": None, "categories": [], "numbers": [], "rating": None}
    tree["clean"] |= {"min_user_interactions": 5, "min_item_interactions": 5}
    (folder / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")


def measure(rows: int) -> dict[str, Cost]:
    """The cost of each stage; prints them."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        prepare(folder, rows)
        tree = yaml.safe_load((folder / "params.yaml").read_text(encoding="utf-8"))
        expected = {one.stage: one for one in forecast.stages(tree, Sizes(rows, 0, ITEMS))}
        costs = {}
        for stage in STAGES:
            costs[stage] = run(folder, str(ROOT / f"stages/{stage}.py"))
            written = sum(path.stat().st_size for path in (folder / "data" / stage).rglob("*.parquet"))
            print(
                f"{rows:>12,} rows  {stage:<6} {costs[stage].seconds:7.1f} s, forecast {expected[stage].seconds:7.1f}; "
                f"peak {costs[stage].memory / 1e9:5.2f} GB, forecast {expected[stage].memory / 1e9:5.2f}; "
                f"{written / 1e9:.2f} GB written"
            )
        return costs


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000_000
    few, many = measure(most // 4), measure(most)
    for stage in STAGES:
        growth = math.log(many[stage].seconds / few[stage].seconds) / math.log(4)
        print(f"{stage}: seconds grow with the power {growth:.2f} of the rows")


if __name__ == "__main__":
    main()
