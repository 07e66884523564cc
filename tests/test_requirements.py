"""The files of pinned packages: they agree, meet pyproject.toml, and are complete."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
PIN = re.compile(r"^([a-z0-9-]+)==(\S+?)( ; .*?)?(?: \\)?$", re.M)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_the_lock_has_the_versions_of_requirements() -> None:
    pins = PIN.findall(text("requirements.txt"))
    assert len(pins) > 200
    assert PIN.findall(text("requirements.lock")) == pins, "run `make hashes`"


def test_each_package_of_the_lock_has_hashes() -> None:
    blocks = re.split(r"\n(?=[a-z0-9-]+==)", text("requirements.lock"))[1:]
    without = [block for block in blocks if not re.search(r"^    --hash=sha256:[0-9a-f]{64}\b", block, re.M)]
    assert len(blocks) == len(PIN.findall(text("requirements.txt"))) and not without


@pytest.mark.parametrize("needed", [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["test"]])
def test_pins_are_in_the_ranges_of_the_project(needed: str) -> None:
    requirement = Requirement(needed)
    if requirement.name == "fusionrec":
        return
    pins = [version for name, version, _ in PIN.findall(text("requirements.txt"))
            if name == canonicalize_name(requirement.name)]  # fmt: skip
    assert pins and all(version in requirement.specifier for version in pins)


def test_the_variant_for_cpus_leaves_out_what_only_gpus_need() -> None:
    """What is left out is needed by PyTorch, or by what is left out, and by nothing else."""
    (pattern,) = re.findall(r"grep -vE '(.*)' requirements\.txt", text("docs/packages.md"))
    needed_by = {
        block.split("==")[0]: set(re.findall(r"^    #(?: via|  ) ([a-z0-9-]+)", block, re.M))
        for block in re.split(r"\n(?=[a-z0-9-]+==)", text("requirements.txt"))[1:]
    }
    left_out = {name for name in needed_by if re.match(pattern, name)}
    assert {"nvidia-cublas", "nvidia-cudnn-cu13", "cuda-toolkit", "triton"} <= left_out
    assert all(needed_by[name] <= left_out | {"torch"} for name in left_out)
    only = {name for name, by in needed_by.items() if by and by <= left_out}
    assert only <= left_out, "nothing else is there for GPUs only"
