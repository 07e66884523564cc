"""`fusionrec back` after experiments that DVC ran for real and that were stopped in each way that Python knows."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from .checkouts import dvc, edit, git, inside, ran, tiny
from .command import fusionrec

pytestmark = pytest.mark.slow
LONG = ["-S", "train.epochs=100000", "-S", "train.patience=100000", "-S", "train.schedule=constant"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny(tmp_path_factory.mktemp("back"))


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No training continues that an earlier test has interrupted."""
    monkeypatch.setenv("FUSIONREC_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def own(small: Path) -> Iterator[dict[str, bytes]]:
    """The user's uncommitted changes of code and of parameters."""
    # a change of the same length in the second of a checkout could be overlooked by Git
    edit(small / "params.yaml", "  top_k: 10 #", "  top_k: 7 #")
    with (small / "src/fusionrec/errors.py").open("a") as file:
        file.write("\n# a thought\n")
    names = git(small, "diff", "--name-only").split()
    assert names == ["params.yaml", "src/fusionrec/errors.py"]
    yield {name: (small / name).read_bytes() for name in names}
    git(small, "checkout", "-q", "--", *names)


def data(folder: Path) -> dict[str, str]:
    """Hashes of what the stages made, apart from the fingerprints of code."""
    paths = [path for path in (folder / "data").rglob("*") if path.is_file() and "code" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def start(folder: Path, stage: str, *arguments: str) -> "subprocess.Popen[bytes]":
    """Run an experiment until a stage works."""
    log = folder / "logs/run"
    log.parent.mkdir(exist_ok=True)
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "dvc", "exp", "run", *arguments],
            cwd=folder,
            env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    while f"Running stage '{stage}'" not in log.read_text() or not working(folder, stage):
        assert process.poll() is None, log.read_text()
        time.sleep(0.05)
    return process


def working(folder: Path, stage: str) -> list[int]:
    return [process.pid for process in inside(folder) if f"stages/{stage}.py" in process.cmdline()]


def as_before(folder: Path, own: dict[str, bytes], before: dict[str, str]) -> None:
    """HEAD is on its branch, nothing but the user's changes differs from the commit, and the data is back."""
    assert git(folder, "symbolic-ref", "HEAD").startswith("refs/heads/")
    assert git(folder, "status", "--porcelain") == "".join(f" M {name}\n" for name in own)
    assert {name: (folder / name).read_bytes() for name in own} == own
    assert data(folder) == before
    assert git(folder, "stash", "list") == ""


def test_after_ctrl_c(small: Path, own: dict[str, bytes]) -> None:
    before = data(small)
    process = start(small, "model", "--name", "long", *LONG)
    os.killpg(process.pid, signal.SIGINT)
    process.wait()
    said = fusionrec(small, "back")
    assert "params.yaml is as it was before the experiment" in said and "metrics/train/metrics.json" in said
    as_before(small, own, before)
    assert "restored" not in fusionrec(small, "back"), "nothing is left to do"


def test_after_sigterm_which_leaves_the_stage_running(small: Path, own: dict[str, bytes]) -> None:
    before = data(small)
    process = start(small, "model", *LONG)
    process.terminate()
    process.wait()
    (stage,) = working(small, "model")
    refused = fusionrec(small, "back", fails=True)
    assert f"`kill {stage}`" in refused and "stages/model.py" in refused
    while not (small / "plots/validation.csv").exists():  # the epochs so far
        assert working(small, "model")
        time.sleep(0.05)
    os.kill(stage, signal.SIGTERM)
    while working(small, "model"):
        time.sleep(0.05)
    assert "HEAD is detached since an interrupted" in dvc(small, "repro", "src/dvc.yaml:code")
    said = fusionrec(small, "back")
    assert "HEAD is on " in said
    as_before(small, own, before)


def test_after_a_kill_without_own_changes(small: Path) -> None:
    before = data(small)
    process = start(small, "raw", "-S", "raw.demo.seed=3")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    (small / "plots/.loss.png.abcdefgh").mkdir()
    assert "plots/.loss.png.abcdefgh" in fusionrec(small, "back")
    as_before(small, {}, before)
    assert ran(dvc(small, "repro")) == []


def test_after_an_experiment_that_succeeded(small: Path, own: dict[str, bytes]) -> None:
    before = data(small)
    assert ran(dvc(small, "exp", "run", "-n", "five", "-S", "recs.users=5")) == ["recs"]
    assert data(small) != before
    fusionrec(small, "back")
    as_before(small, own, before)
    assert "five" in dvc(small, "exp", "list")


@pytest.mark.parametrize("folder", ["shop", "mine/shop"])
def test_own_parameters_beside_new_data_are_kept(small: Path, own: dict[str, bytes], folder: str) -> None:
    """As after `cp params.shop.yaml params.yaml && dvc exp run`, which sets nothing itself."""
    (small / folder).mkdir(parents=True)
    (small / folder / "items.csv").write_text("item_id\n1\n")
    dvc(small, "add", folder)
    process = start(small, "recs", "-n", folder.replace("/", "-"))
    os.killpg(process.pid, signal.SIGINT)
    process.wait()
    fusionrec(small, "back")
    assert {name: (small / name).read_bytes() for name in own} == own
    git(small, "reset", "-q")
    git(small, "checkout", "-q", "HEAD", "--", ".gitignore")
    (small / f"{folder}.dvc").unlink()
    shutil.rmtree(small / Path(folder).parts[0])


def test_after_repro_with_own_parameters(small: Path, own: dict[str, bytes]) -> None:
    before = data(small)
    assert ran(dvc(small, "repro")) == ["recs"]
    fusionrec(small, "back")
    as_before(small, own, before)


def test_parameters_that_are_not_valid_do_not_stop_it(small: Path) -> None:
    before = data(small)
    dvc(small, "exp", "run", "-S", "runtime.reproducible=never", fails=True)
    fusionrec(small, "back")
    as_before(small, {}, before)


def test_data_that_was_added_to_dvc_is_left_alone(small: Path) -> None:
    (small / "shop").mkdir()
    (small / "shop/items.csv").write_text("item_id\n1\n")
    dvc(small, "add", "shop")
    edit(small / "shop/items.csv", "1", "2")
    fusionrec(small, "back")
    assert (small / "shop/items.csv").read_text() == "item_id\n2\n"
    git(small, "rm", "-qf", "--cached", "shop.dvc", ".gitignore")
    git(small, "checkout", "-q", "HEAD", "--", ".gitignore")


def test_data_that_is_not_in_the_cache_is_named(small: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(small), "other")
    assert "not in DVC's cache: " in (said := fusionrec(tmp_path / "other", "back")), said
    assert "`dvc pull`" in said
