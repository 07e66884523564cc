"""Grid, search and sharing through DVC, in clones, on a small demo with real encoders."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fusionrec import files, sections
from fusionrec.experiments import study

from .checkouts import SMALL, change, clone, commit, dvc, git, inside, ran
from .command import fusionrec

pytestmark = pytest.mark.slow
SEARCH = ["search", "--trials", "8", "--workers", "2"]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository in which a small demo has run and is committed, with a variant and a quick search."""
    folder = clone(tmp_path_factory.mktemp("experiments"))
    quick = {"train.epochs": 4, "search.startup": 3, "search.warmup": 1}
    change(folder, SMALL | quick | {"variants.small": ["model.vision=efficientnet,none"]})
    dvc(folder, "repro")
    commit(folder)
    return folder


def experiments(folder: Path) -> set[str]:
    return set(dvc(folder, "exp", "list", "--name-only").split())


def test_a_grid_of_variants(small: Path) -> None:
    names = {f"small-{vision}-seed-{seed}" for vision in ("efficientnet", "none") for seed in (1, 2)}
    output = fusionrec(small, "variants", "small", "--seeds", "2", "--workers", "2", "--runs")
    assert "4 experiments, 4 to run" in output
    assert names <= experiments(small)
    assert git(small, "status", "--porcelain") == ""
    table = output.splitlines()
    rows = {line.split()[0]: line for line in table if line.split()[0] in names}
    assert rows.keys() == names and all(len(line) <= 140 for line in rows.values())
    assert "model.vision" in output and "pypi 57934424" in rows["small-efficientnet-seed-2"]
    again = fusionrec(small, "variants", "small", "--seeds", "2", "--workers", "2", "--runs")
    assert "4 experiments, 0 to run" in again and rows["small-none-seed-1"] in again
    part = fusionrec(small, "variants", "small", "--seeds", "2", "--slice", "popularity=tail")
    assert "Slice popularity=tail:" in part and "(best)" in part
    unknown = fusionrec(small, "variants", "small", "--seeds", "2", "--slice", "user=unknown", fails=True)
    assert "no user is in user=unknown; known: item=warm" in unknown
    by_recipe = [line.split() for line in fusionrec(small, "variants").splitlines()[1:]]
    assert [(row[0], row[2]) for row in by_recipe if row[0] == "small-none"] == [("small-none", "2")]
    dvc(small, "exp", "apply", "small-none-seed-2")
    assert sections.load(small / "params.yaml").model.vision == "none"
    changed = git(small, "diff", "--numstat", "--", "params.yaml").split()[:2]
    assert changed == ["2", "2"], "only the two lines"
    assert ran(dvc(small, "repro")) == []
    git(small, "checkout", "-q", "--", ".")
    dvc(small, "checkout")


def test_a_grid_of_the_queue(small: Path) -> None:
    dvc(small, "exp", "run", "--queue", "-S", "model.fusion.method=concatenate,gated", "-S", "train.seed=1,2")
    before = experiments(small)
    dvc(small, "queue", "start", "-j", "2")
    deadline = time.monotonic() + 600
    while time.monotonic() < deadline:
        states = re.findall(r"(Queued|Running|Success|Failed)\s*$", dvc(small, "queue", "status"), re.M)
        if not {"Queued", "Running"} & set(states):
            break
        time.sleep(2)
    assert states == ["Success"] * 4
    assert len(experiments(small) - before) == 4
    assert git(small, "status", "--porcelain") == ""


def test_a_variant_that_fails_is_told_and_the_others_run(small: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", str(small), "again")
    folder = tmp_path / "again"
    dvc(folder, "config", "--local", "cache.dir", str(small / ".dvc/cache"))
    change(folder, {"variants.mixed": ["model.vision=clip,none"]})
    assert "commit them" in fusionrec(folder, "variants", "mixed", fails=True)
    commit(folder)
    output = fusionrec(folder, "variants", "mixed", fails=True)
    assert "mixed-none: done" in output and "encoders.weights=hub" in output
    assert "1 of 2 failed: mixed-clip" in output and "Traceback" not in output
    assert experiments(folder) == {"mixed-none"}
    unknown = fusionrec(folder, "variants", "nothing", fails=True)
    assert "known: vision-encoders" in unknown


def test_a_search_is_killed_and_finishes(small: Path, tmp_path: Path) -> None:
    output = tmp_path / "output"
    with output.open("w") as file:
        first = subprocess.Popen(
            [sys.executable, "-u", "src/fusionrec", *SEARCH], cwd=small, stdout=file, stderr=subprocess.STDOUT
        )
        deadline = time.monotonic() + 600
        while len(re.findall("^trial", output.read_text(), re.M)) < 3 and time.monotonic() < deadline:
            assert first.poll() is None, output.read_text()
            time.sleep(0.1)
        while not inside(small / ".dvc/tmp/experiments") and first.poll() is None:
            time.sleep(0.02)
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
    time.sleep(1)
    assert inside(small / ".dvc/tmp/experiments") == []

    printed = fusionrec(small, *SEARCH)
    (path,) = (small / "logs/search").glob("*/study.sqlite3")
    p = sections.load(small / "params.yaml")
    search = study.resume(path, p.search, p.train)
    assert study.ended(search) == 8
    trials = len(re.findall("^trial .*;", output.read_text() + printed, re.M))
    assert trials in (8, 9), "one may have ended as it was killed"
    best = study.best(search)
    assert best is not None
    name = f"search-{path.parent.name}-{best.number}"
    assert {e for e in experiments(small) if e.startswith("search-")} == {name}
    assert git(small, "status", "--porcelain") == ""

    logs = {log.stem: log.read_text() for log in path.parent.glob("*.log")}
    assert all("stage 'metrics'" not in text.lower() for stem, text in logs.items() if stem != name)
    assert "0 to run" not in printed and "8 of 8 trials are done" in fusionrec(small, *SEARCH)
    dvc(small, "exp", "apply", name)
    measured = files.read_json(small / "metrics/train/metrics.json")["best"]["val"][p.train.monitor]
    assert measured == best.value
    assert ran(dvc(small, "repro")) == []
    git(small, "checkout", "-q", "--", ".")
    dvc(small, "checkout")


def test_two_clones_share_data_and_experiments(small: Path, tmp_path: Path) -> None:
    git(tmp_path, "clone", "-q", "--bare", str(small), "shared.git")
    git(tmp_path, "clone", "-q", "shared.git", "first")
    first, second = tmp_path / "first", tmp_path / "second"
    dvc(first, "config", "--local", "cache.dir", str(small / ".dvc/cache"))
    dvc(first, "checkout")
    dvc(first, "remote", "add", "--default", "shared", str(tmp_path / "store"))
    commit(first)
    change = ["-S", "model.fusion.dim=16"]
    assert ran(dvc(first, "exp", "run", "--name", "narrow", *change)) == ["model", "metrics", "recs"]
    git(first, "checkout", "-q", "--", ".")
    dvc(first, "checkout")
    dvc(first, "push", "--run-cache")
    git(first, "push", "-q")
    dvc(first, "exp", "push", "origin", "narrow")

    git(tmp_path, "clone", "-q", "shared.git", "second")
    dvc(second, "pull")
    assert ran(dvc(second, "repro")) == []
    assert git(second, "status", "--porcelain") == ""
    dvc(second, "exp", "pull", "origin", "narrow")
    dvc(second, "exp", "apply", "narrow")
    assert sections.load(second / "params.yaml").model.own("fusion").dim == 16
    assert ran(dvc(second, "repro")) == []
    git(second, "checkout", "-q", "--", ".")
    dvc(second, "checkout")

    dvc(second, "pull", "--run-cache")
    again = ran(dvc(second, "exp", "run", "--pull", *change))
    assert again == ["model", "metrics"], "recs comes from the remote, metrics kept in Git do not"


def test_clones_that_share_the_cache_run_nothing_twice(small: Path, tmp_path: Path) -> None:
    dvc(small, "exp", "run", "-S", "recs.top_k=4")
    git(small, "checkout", "-q", "--", ".")
    dvc(small, "checkout")
    git(tmp_path, "clone", "-q", str(small), "other")
    dvc(tmp_path / "other", "cache", "dir", "--local", str(small / ".dvc/cache"))
    dvc(tmp_path / "other", "checkout")
    assert ran(dvc(tmp_path / "other", "repro")) == []
    assert ran(dvc(tmp_path / "other", "exp", "run", "-S", "recs.top_k=4")) == []
