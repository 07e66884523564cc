"""raw, clean and images as scripts, on tiny inputs: contracts, repeatability, one clear line on bad input."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import files

from .. import warm

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    def stages(*names: str, fails: bool = False, **changes: Any) -> subprocess.CompletedProcess[str]:
        tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
        tree["raw"]["demo"] |= {"items": 100, "users": 40, "interactions": 500}
        tree["runtime"]["workers"] = 1
        for name, value in changes.items():
            section, key = name.split("__")
            tree[section][key] = value
        (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
        for name in names:
            script = [warm.python(), str(ROOT / "stages" / f"{name}.py")]
            done = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True, check=False)
            assert (done.returncode != 0) == fails, done.stderr
        return done

    return stages


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for name in ("data", "metrics") for path in (folder / name).rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def test_the_demo_repeats_byte_for_byte_with_any_number_of_workers(tmp_path: Path, run: Run) -> None:
    run("raw", "clean", "images")
    first = contents(tmp_path)
    run("raw", "clean", "images", runtime__workers=2)
    assert contents(tmp_path) == first
    assert {"data/raw/tables/rejected.parquet", "data/images/00000.tar", "metrics/clean.json"} <= set(first)


def test_the_manifest_has_one_row_an_item_and_finds_its_bytes(tmp_path: Path, run: Run) -> None:
    run("raw", "clean", "images")
    items = files.read_table(tmp_path / "data/clean/items.parquet")
    manifest = files.read_table(tmp_path / "data/images/manifest.parquet")
    assert manifest["item_id"].tolist() == items["item_id"].tolist()
    ok = manifest[manifest["status"] == "ok"]
    members = files.members(ok)
    stored = dict(zip(ok["item_id"], files.read_members(tmp_path / "data/images", members), strict=True))
    raw = {name.split(".")[0]: blob for name, blob in files.read_shards(tmp_path / "data/raw/images")}
    same = ok.loc[~ok["encoded"].astype(bool), "item_id"]
    assert len(same) > 80 and all(stored[item] == raw[item] for item in same)
    counts = json.loads((tmp_path / "metrics/images.json").read_text())
    rejected = sum(n for name, n in counts.items() if name.startswith("rejected_"))
    assert counts["items"] == len(items) == counts["ok"] + counts["missing"] + rejected


def test_own_files(tmp_path: Path, run: Run) -> None:
    data = tmp_path / "mine"
    (data / "images").mkdir(parents=True)
    (data / "items.csv").write_text(
        "item_id,title,description,genres,year\n2,B,,x,1\n1,A,<b>a</b>,,\n3,C,,,\n"
    )
    (data / "interactions.csv").write_text("user_id,item_id,timestamp,rating\nu,1,1,5\nu,2,2,1\nu,9,3,1\n")
    (data / "images/1.jpg").write_bytes(b"no picture")
    run("raw", "clean", "images", raw__source="files", raw__input="mine", clean__min_user_interactions=1)
    manifest = files.read_table(tmp_path / "data/images/manifest.parquet").set_index("item_id")
    assert manifest["status"].to_dict() == {"1": "rejected", "2": "missing", "3": "missing"}
    assert manifest.loc["1", "reason"] == "not_jpeg_png_webp"
    assert manifest["offset"].isna().all()
    rejected = files.read_table(tmp_path / "data/clean/rejected.parquet")
    assert rejected[["row", "reason", "value"]].to_numpy().tolist() == [[3, "unknown_item", "9"]]


def test_bad_input_ends_with_one_line_and_leaves_the_old_output(tmp_path: Path, run: Run) -> None:
    run("raw", "clean")
    before = contents(tmp_path)
    done = run("raw", fails=True, raw__source="files", raw__input="nowhere")
    assert done.stderr.startswith("error: nowhere: no such folder") and done.stderr.count("\n") == 1
    done = run("clean", fails=True, clean__min_user_interactions=10_000)
    assert "clean.min_user_interactions" in done.stderr and "Traceback" not in done.stderr
    done = run("clean", fails=True, model__name="ease", model__ease={"l2": [1], "max_items": 50})
    assert done.stderr.startswith("error: ease: takes at most 50 items"), "not only after training"
    assert contents(tmp_path) == before
