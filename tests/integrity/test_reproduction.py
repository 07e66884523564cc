"""Which stage made other bytes of the same inputs: a pipeline of two stages on a machine that computes differently."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.repo import Repo  # type: ignore[import-untyped]

from fusionrec.cli import verify
from fusionrec.errors import UserError
from fusionrec.integrity import environment, reproduction

from ..checkouts import commit, git

FIRST = """
import json, pathlib
import numpy as np
error = float(pathlib.Path("machine").read_text())
pathlib.Path("out").mkdir(exist_ok=True)
np.save("out/vectors.npy", np.array([4.0, 1.0 + error]))
pathlib.Path("out/names.json").write_text(json.dumps(["a"]))
pathlib.Path("loss.json").write_text(json.dumps({"loss": 0.5 + error}))
"""
SECOND = """
import pathlib
pathlib.Path("copy.npy").write_bytes(pathlib.Path("out/vectors.npy").read_bytes())
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository after its first run, committed."""
    root = tmp_path_factory.mktemp("repository")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(root)
        git(root, "init", "-q")
        for name, text in {"first.py": FIRST, "second.py": SECOND, "machine": "0", "input": "input"}.items():
            (root / name).write_text(text)
        shutil.copy(Path(__file__).resolve().parents[2] / "params.yaml", root)
        with Repo.init() as repo:
            python = sys.executable
            repo.run(cmd=f"{python} first.py", name="first", deps=["input"], outs=["out"],
                     metrics_no_cache=["loss.json"])  # fmt: skip
            repo.run(cmd=f"{python} second.py", name="second", deps=["out"], outs=["copy.npy"])
        commit(root)
    return root


def rerun(root: Path, error: float) -> list[str]:
    (root / "machine").write_text(str(error))
    with Repo(root) as repo:
        repo.reproduce(force=True)
        return reproduction.report(repo)


FOUND = [
    "first: other bytes, made of the same inputs, parameters and code",
    "  loss.json: by at most 0.5, and 1 of the largest value",
    "  out/vectors.npy: by at most 0.5, and 0.12 of the largest value",
    "other bytes, made of other inputs, parameters or code: second",
]


def test_the_first_stage_is_told_from_those_after_it(root: Path) -> None:
    assert rerun(root, 0.5) == FOUND
    assert rerun(root, 0) == []


def test_committed_bytes_that_are_not_here(root: Path) -> None:
    shutil.rmtree(root / ".dvc/cache")
    first, *files, later = rerun(root, 0.5)
    assert (first, files[0], later) == (FOUND[0], FOUND[1], FOUND[-1]), "Git has the metrics"
    assert files[1].startswith("  out: the committed bytes are not here") and len(files) == 2


def test_files_that_only_one_version_has(root: Path) -> None:
    (root / "first.py").write_text(FIRST.replace("names.json", "others.json"))
    (root / "out/names.json").unlink()
    assert "  out: files that only one version has: names.json, others.json" in rerun(root, 0)


def test_the_command(root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    verify.main(["--environment"])
    said = capsys.readouterr().out.splitlines()
    assert (
        said[0].startswith("environment.json: there is no record")
        and said[-1] == "dvc.lock: as in the last commit"
    )
    verify.main(["--environment", "--record"])
    assert capsys.readouterr().out.splitlines()[0] == "environment: no difference"
    monkeypatch.setenv("ONEDNN_DEFAULT_FPMATH_MODE", "BF16")
    (root / environment.PINNED).write_text("numpy==0.1\n")
    rerun(root, 0.5)
    with pytest.raises(UserError, match="other bytes than in the last commit"):
        verify.main(["--environment"])
    packages, setting, *found = capsys.readouterr().out.splitlines()
    assert packages.startswith("numpy: ") and setting.startswith("ONEDNN_DEFAULT_FPMATH_MODE: BF16 here")
    assert found == FOUND
    status = subprocess.run(["git", "status", "--short"], capture_output=True, text=True, check=True).stdout
    assert "?? environment.json" in status
