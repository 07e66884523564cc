"""The pipeline's definition: explicit, complete, and clear of DVC's known traps."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from fusionrec import sections

from .closure import ROOT, closure

PIPELINE: dict[str, Any] = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
LOCK: dict[str, Any] = yaml.safe_load((ROOT / "dvc.lock").read_text(encoding="utf-8"))
DEMO = "src/fusionrec/data/sources/demo.py"


def bodies() -> dict[str, dict[str, Any]]:
    return {name: stage.get("do", stage) for name, stage in PIPELINE["stages"].items()}


def test_the_stages_are_the_eight() -> None:
    assert list(PIPELINE["stages"]) == [
        "raw",
        "clean",
        "images",
        "splits",
        "cache",
        "model",
        "metrics",
        "recs",
    ]


@pytest.mark.parametrize("name", PIPELINE["stages"])
def test_code_dependencies_are_exactly_the_import_closure(name: str) -> None:
    listed = {dep for dep in bodies()[name]["deps"] if dep.startswith(("src/", "stages/"))}
    needed = closure(ROOT / "stages" / f"{name}.py")
    if name == "raw":  # the generator is what `raw.input` names, as long as the demo is the source
        needed.discard(DEMO)
        assert (
            "${raw.input}" in bodies()["raw"]["deps"]
            and sections.load(ROOT / "params.yaml").raw.input == DEMO
        )
    assert listed == needed


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
    assert (ROOT / "data/.gitignore").read_text() == "/*\n!/.gitignore\n"
    tracked = subprocess.run(["git", "ls-files", "data"], cwd=ROOT, capture_output=True, text=True).stdout
    assert tracked.split() == ["data/.gitignore"]


def test_no_machine_path_or_registry_in_what_is_tracked() -> None:
    out = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True).stdout
    for name in out.split():
        path = ROOT / name
        if path.is_file() and path.suffix not in {".png"} and path != Path(__file__):
            text = path.read_text(encoding="utf-8")
            assert "/work/" not in text and "/root/" not in text, name
            assert not any(host in text for host in ("pypi.org", "pythonhosted", "index-url =")), name
