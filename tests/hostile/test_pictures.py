"""Bad and odd pictures: each alone, and all together through the stage."""

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml
from PIL import Image

from fusionrec import files
from fusionrec.data import images
from fusionrec.data.reading.dataset import rejections

from .pictures_corpus import CORPUS, ENCODED, KEPT, OPTIONS, Kind, photo, save

ROOT = Path(__file__).resolve().parents[2]
HOSTILE_IDS = [
    "../../escaped",
    "/tmp/escaped",
    "a/b",
    "b",  # not to be mistaken for a/b
    "..",
    "with.dot",
    "=cmd|' /C calc'!A0",
    "<script>",
    "line\nbreak",
    "\x1b[31mred",
    "名前 🦊",
    "long" * 70,
    "-rf",
    "CON",
]
WRONG_EXTENSIONS = {"png_named_jpg", "jpeg_named_webp", "webp_named_png"}


@pytest.mark.parametrize("kind", CORPUS, ids=[kind.name for kind in CORPUS])
def test_each_kind_has_its_own_end(kind: Kind) -> None:
    picture = images.prepare(kind.blob, OPTIONS)
    assert (picture.reason or (ENCODED if picture.encoded else KEPT)) == kind.expected
    assert (picture.blob == kind.blob) == (kind.expected == KEPT)
    if picture.blob is None:
        return
    with images.opened(picture.blob, OPTIONS.max_pixels) as image:
        assert image.size == (picture.width, picture.height)
        assert picture.encoded <= (image.format == "JPEG" and image.mode == "RGB" and not image.getexif())


def test_bombs_take_no_memory() -> None:
    script = """
import resource
from pictures_corpus import OPTIONS, bombs
from fusionrec.data import images
hostile = list(bombs())
images.prepare(b"", OPTIONS)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
reasons = [images.prepare(kind.blob, OPTIONS).reason for kind in hostile]
print(len(reasons), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""
    paths = {"PYTHONPATH": f"{ROOT / 'src'}:{Path(__file__).parent}"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=paths, capture_output=True, text=True, check=True
    )
    count, kilobytes = map(int, done.stdout.split())
    assert count >= 8 and kilobytes < 30_000  # the smallest bomb unpacks to 50 MB


def prepare_folder(folder: Path) -> None:
    """What the stages before this one leave."""
    fine = save(photo(), "JPEG")
    pictures = {kind.name: (kind.extension, kind.blob) for kind in CORPUS}
    pictures |= {item: ("jpg", fine) for item in HOSTILE_IDS}
    items = pd.DataFrame({"item_id": [*pictures, "without", "also without"]}, dtype="str")
    files.write_table(folder / "data/clean/items.parquet", items)
    pictures |= {"dropped": ("jpg", fine)}
    with files.replacing_folder(folder / "data/raw/images") as raw, files.ShardWriter(raw) as shards:
        for item, (extension, blob) in sorted(pictures.items()):
            shards.add(f"{item}.{extension}", blob)
    refused = rejections(
        [
            ("pictures", None, "x", "unknown_suffix", "x.txt"),
            ("items", 3, "y", "missing_id", ""),
        ]
    )
    files.write_table(folder / "data/raw/tables/rejected.parquet", refused)


def run(folder: Path, workers: int) -> None:
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    tree["images"] = OPTIONS.model_dump()
    tree["runtime"]["workers"] = workers
    (folder / "params.yaml").write_text(yaml.safe_dump(tree), encoding="utf-8")
    script = [sys.executable, str(ROOT / "stages/images.py")]
    done = subprocess.run(script, cwd=folder, capture_output=True, text=True, check=False)
    said = [
        line for line in done.stderr.splitlines() if not line.startswith("images: ")
    ]  # progress, if it is slow
    assert done.returncode == 0 and not said, done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != "params.yaml"]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The stage's folder after a run with one worker, two levels below an empty one."""
    folder = tmp_path_factory.mktemp("outer") / "a" / "b"
    folder.mkdir(parents=True)
    prepare_folder(folder)
    run(folder, workers=1)
    return folder


def test_two_workers_leave_the_same_bytes_as_one(done: Path) -> None:
    before = contents(done)
    run(done, workers=2)
    assert contents(done) == before


def test_nothing_is_written_elsewhere(done: Path) -> None:
    written = {path.relative_to(done).as_posix() for path in done.rglob("*") if path.is_file()}
    before = {"params.yaml", "data/clean/items.parquet", "data/raw/images/00000.tar"}
    assert written - before - {"data/raw/tables/rejected.parquet"} == {
        "data/images/00000.tar",
        "data/images/SHA256SUMS",
        "data/images/manifest.parquet",
        "data/raw/images/SHA256SUMS",
        "metrics/images.json",
        "plots/rejected_images.png",
        "plots/near_duplicates.png",
    }
    outer = done.parents[1]
    assert [path.name for path in outer.iterdir()] == ["a"]
    assert [path.name for path in (outer / "a").iterdir()] == ["b"]


def test_every_item_is_accounted_for(done: Path) -> None:
    manifest = files.read_table(done / "data/images/manifest.parquet").set_index("item_id")
    for kind in CORPUS:
        row = manifest.loc[kind.name]
        assert row["raw_bytes"] == len(kind.blob)
        if kind.expected in (KEPT, ENCODED):
            assert row["status"] == "ok" and row["encoded"] == (kind.expected == ENCODED)
        else:
            assert row["status"] == "rejected" and row["reason"] == kind.expected
    assert (manifest.loc[HOSTILE_IDS, "status"] == "ok").all()
    assert (manifest.loc[["without", "also without"], "status"] == "missing").all()
    assert set(manifest.index[manifest["wrong_extension"].fillna(False)]) == WRONG_EXTENSIONS

    counts = json.loads((done / "metrics/images.json").read_text())
    rejected = {name: count for name, count in counts.items() if name.startswith("rejected_")}
    assert counts["items"] == len(CORPUS) + len(HOSTILE_IDS) + 2
    assert counts["items"] == counts["ok"] + counts["missing"] + sum(rejected.values())
    expected = pd.Series([kind.expected for kind in CORPUS]).value_counts()
    assert rejected == {f"rejected_{r}": n for r, n in expected.drop([KEPT, ENCODED]).items()}
    assert counts["encoded"] == expected[ENCODED]
    assert counts["wrong_extension"] == len(WRONG_EXTENSIONS)
    assert counts["of_dropped_items"] == 1
    assert counts["refused_unknown_suffix"] == 1 and "refused_missing_id" not in counts


def test_the_manifest_finds_the_bytes_and_hostile_ids_share_one_picture(done: Path) -> None:
    manifest = files.read_table(done / "data/images/manifest.parquet")
    ok = manifest[manifest["status"] == "ok"]
    members = files.members(ok)
    stored = dict(zip(ok["item_id"], files.read_members(done / "data/images", members), strict=True))
    for kind in CORPUS:
        if kind.expected == KEPT:
            assert stored[kind.name] == kind.blob
    twins = manifest.set_index("item_id").loc[HOSTILE_IDS]
    assert len(set(twins["sha256"])) == 1 == len(set(twins["duplicate_of"]))


def test_the_sheets_are_pictures(done: Path) -> None:
    for name, rows in (("rejected_images", 6), ("near_duplicates", 1)):
        with Image.open(done / "plots" / f"{name}.png") as sheet:
            sheet.load()
            assert sheet.height > rows * images.THUMBNAIL
