"""raw, clean and images as scripts, on tiny inputs: contracts, repeatability, one clear line on bad input."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import files
from fusionrec.data.reading import folders
from fusionrec.errors import UserError

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


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A folder with two small tables as the data of a user."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["raw"] |= {"source": "files", "input": "data/mine"}
    tree["raw"]["files"] |= {"images": None}
    columns: dict[str, object] = {"description": None, "categories": [], "numbers": [], "rating": None}
    tree["raw"]["files"]["columns"] |= columns
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    (tmp_path / "data/mine").mkdir(parents=True)
    (tmp_path / "data/mine/items.csv").write_text("item_id,title\n1,one\n2,two\n")
    (tmp_path / "data/mine/interactions.csv").write_text("user_id,item_id,timestamp\na,1,5\nb,2,6\n")
    return tmp_path


def raw(folder: Path, before: str = "") -> subprocess.CompletedProcess[str]:
    """The stage raw in a process of its own, in which `before` is executed first."""
    start = f"import sys; sys.argv = ['raw']; sys.path.insert(0, {str(ROOT / 'stages')!r}); import raw\n"
    script = [sys.executable, "-c", f"{start}{before}\nraw.runtime.command(raw.main)"]
    return subprocess.run(script, cwd=folder, capture_output=True, text=True, check=False)


def test_a_disk_that_is_full_ends_with_one_line_and_nothing_half_written(mine: Path) -> None:
    """A limit on the size of files, which is what a quota does."""
    assert raw(mine).returncode == 0
    before = contents(mine)
    done = raw(mine, "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))")
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert re.search(r"^error: .*File too large; lift the limit.*nothing is half-written$", done.stderr, re.M)
    assert contents(mine) == before


def test_raw_notices_rows_that_were_appended_while_it_ran(mine: Path) -> None:
    """Otherwise DVC, which hashes the input afterwards, would say that the old rows are those of the new file."""
    done = raw(
        mine,
        """
from pathlib import Path
write = raw.files.write_table
def appending(path, table):
    with Path("data/mine/items.csv").open("a") as file:
        file.write("9,late\\n")
    write(path, table)
raw.files.write_table = appending
""",
    )
    assert "error: data/mine has changed while it was read: data/mine/items.csv" in done.stderr, done.stderr
    assert not (mine / "data/raw/tables").exists()


def test_what_tells_that_files_have_changed(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text("1")
    before = folders.states(tmp_path)
    folders.check_unchanged(tmp_path, before)
    (tmp_path / "items.csv").write_text("1\n2")
    (tmp_path / "new.csv").write_text("1")
    with pytest.raises(
        UserError, match=r"changed while it was read: .*items\.csv, .*new\.csv; nothing was written"
    ):
        folders.check_unchanged(tmp_path, before)
    before = folders.states(tmp_path / "items.csv")
    (tmp_path / "items.csv").unlink()
    with pytest.raises(UserError, match=r"items\.csv has changed while it was read"):
        folders.check_unchanged(tmp_path / "items.csv", before)
