"""The pipeline's definition: explicit, complete, and clear of DVC's known traps."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import choices

ROOT = Path(__file__).resolve().parents[1]
STAGES = ["raw", "clean", "images", "splits", "cache", "model", "metrics", "recs"]
PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
LOCK: dict[str, Any] = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))


def bodies() -> dict[str, dict[str, Any]]:
    return {name: stage.get("do", stage) for name, stage in PIPELINE["stages"].items()}


def test_the_pipeline_reads_like_one() -> None:
    assert list(PIPELINE["stages"]) == STAGES
    assert sorted(path.stem for path in (ROOT / "stages").glob("[!_]*.py")) == sorted(STAGES)
    assert len((ROOT / "dvc.yaml").read_text(encoding="utf-8").splitlines()) <= 250


def test_the_fingerprint_is_taken_at_each_run() -> None:
    """Its own file keeps `dvc repro` fast: DVC rewrites the lock of a stage that always runs."""
    (stage,) = yaml.safe_load((ROOT / "src/dvc.yaml").read_text(encoding="utf-8"))["stages"].values()
    assert stage == {
        "cmd": "python src/fusionrec code",
        "wdir": "..",
        "always_changed": True,
        "outs": ["data/code"],
    }


@pytest.mark.parametrize("name", STAGES)
def test_a_stage_depends_on_the_fingerprint_of_its_own_code(name: str) -> None:
    """What the fingerprint covers is tested in test_code.py."""
    body = bodies()[name]
    assert body["cmd"].startswith(f"python stages/{name}.py")
    code = [dep for dep in body["deps"] if dep.startswith(("data/code", "src", "stages"))]
    assert code == [f"data/code/{name}"]


def test_every_parameter_belongs_to_a_stage() -> None:
    """Only where and how fast to compute is outside: it changes no result; and what drives experiments."""
    tree = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    assert {tree.pop(section) is None for section in ("variants", "search")} == {False}
    used = {str(name) for body in bodies().values() for name in body["params"]}
    used = {name.replace("${key}.${item.encoder}", "") for name in used}
    leaves = {f"{section}.{key}" for section, keys in tree.items() for key in keys}
    free = {
        leaf
        for leaf in leaves
        if leaf.split(".")[0] not in used and not any(u.startswith(leaf) for u in used)
    }
    through_key = {f"{section}.{key}" for section in ("cache", "encoders") for key in ("vision", "language")}
    through_key |= {f"model.{name}" for name in choices.names("fusionrec.models.zoo")}
    assert free - through_key == {"runtime.workers", "runtime.store_gb"}


def test_no_output_disables_the_run_cache() -> None:
    for name, body in bodies().items():
        assert not body.get("always_changed"), name
        for out in body["outs"]:
            assert isinstance(out, str), (
                f"{name}: {out} has options; metrics and plots are the place for them"
            )
        for kind in ("metrics", "plots"):
            for entry in body.get(kind, []):
                assert all(options["cache"] is False for options in entry.values()), name


def test_the_lock_knows_no_stage_that_is_gone() -> None:
    names = set()
    for name, stage in PIPELINE["stages"].items():
        names |= {f"{name}@{key}" for key in stage["foreach"]} if "foreach" in stage else {name}
    assert set(LOCK["stages"]) == names


def test_data_is_ignored_by_a_handwritten_file() -> None:
    assert (ROOT / "data/.gitignore").read_text() == "/*\n!/.gitignore\n!/demo/\n"
    tracked = subprocess.run(["git", "ls-files", "data"], cwd=ROOT, capture_output=True, text=True).stdout
    assert tracked.split() == ["data/.gitignore", "data/demo/README.md"]


def test_no_machine_path_or_registry_in_what_is_tracked() -> None:
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    unwanted = (b"/work/", b"/root/", b"pypi.org", b"pythonhosted", b"index-url =")
    for name in out.split():
        path = ROOT / name
        if path.is_file() and path.suffix != ".png" and path != Path(__file__):
            content = path.read_bytes()
            assert not any(text in content for text in unwanted), name
