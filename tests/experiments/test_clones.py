"""Clones in which experiments run."""

import subprocess
import threading
from pathlib import Path

import pytest

from fusionrec.errors import UserError
from fusionrec.experiments import clones
from fusionrec.experiments.clones import Clone


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository with one commit."""
    folder = tmp_path / "root"
    for name in ("src/code.py", "stages/raw.py", "params.yaml", "dvc.yaml", "dvc.lock", "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("a: 1\n")
    clones.run(["git", "init", "-q"], folder)
    commit(folder)
    return folder


def commit(folder: Path) -> str:
    identity = ["-c", "user.name=test", "-c", "user.email=test@localhost", "-c", "commit.gpgsign=false"]
    clones.run(["git", "add", "-A"], folder)
    clones.run(["git", *identity, "commit", "-qm", "state"], folder)
    return clones.committed(folder)


def test_what_is_not_committed_is_named(root: Path) -> None:
    (root / "README.md").write_text("no part of an experiment\n")
    assert len(clones.committed(root)) == 40
    (root / "params.yaml").write_text("a: 2\n")
    (root / "src/new.py").write_text("")
    with pytest.raises(UserError, match=r"params\.yaml, src/new\.py: commit them"):
        clones.committed(root)


def test_existing_experiments_of_a_commit(root: Path) -> None:
    revision = clones.committed(root)
    assert clones.existing(root, revision) == set()
    ref = f"refs/exps/{revision[:2]}/{revision[2:]}/mine"
    clones.run(["git", "update-ref", ref, revision], root)
    assert clones.existing(root, revision) == {"mine"}
    (root / "README.md").write_text("b\n")
    assert clones.existing(root, commit(root)) == set()


def test_one_process_at_a_time_and_nothing_is_left(tmp_path: Path) -> None:
    with clones.alone(tmp_path / "home"):
        (tmp_path / "home/1/data").mkdir(parents=True)
        with pytest.raises(UserError, match="other experiments are running"), clones.alone(tmp_path / "home"):
            pass
        assert (tmp_path / "home/1/data").exists(), "by the one that was refused"
    assert [path.name for path in (tmp_path / "home").iterdir() if path.is_dir()] == []
    with clones.alone(tmp_path / "home"):
        pass


def test_begin_returns_to_the_commit_from_whatever_was_left(root: Path) -> None:
    clone = Clone(root, clones.committed(root))
    (root / "params.yaml").write_text("a: 5\nb: 1\n")
    (root / "src/code.py").unlink()
    (root / ".git/index.lock").touch()
    (root / ".dvc/tmp").mkdir(parents=True)
    (root / ".dvc/tmp/rwlock").write_text('{"write": {')
    clones.begin(clone, ["a=3"])
    assert (root / "params.yaml").read_text() == "a: 3\n" and (root / "src/code.py").exists()
    assert not (root / ".dvc/tmp").exists()


def test_last_words(tmp_path: Path) -> None:
    log = tmp_path / "log"
    assert "nothing was printed" in clones.last_words(log)
    log.write_text("Running stage\nerror: it diverged\nERROR: failed to reproduce 'model'\n")
    assert clones.last_words(log) == f"it diverged ({log})"
    log.write_text("one\ntwo\n\n")
    assert clones.last_words(log) == f"two ({log})"


def test_a_failing_command_says_why(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a git repository"):
        clones.run(["git", "-C", str(tmp_path), "rev-parse", "HEAD"], tmp_path)
    assert subprocess.run(["git", "--version"], check=False).returncode == 0


def places(count: int) -> list[Clone]:
    return [Clone(Path(str(number)), "") for number in range(count)]


def test_jobs_are_spread_over_clones_that_work_at_a_time() -> None:
    both = threading.Barrier(2, timeout=20)

    def work(clone: Clone, job: int) -> tuple[str, int]:
        both.wait()
        return str(clone.folder), job * job

    results = dict(clones.spread(range(6), places(2), work))
    assert {job: result for job, (_, result) in results.items()} == {job: job * job for job in range(6)}
    assert {folder for folder, _ in results.values()} == {"0", "1"}


def test_what_a_job_raises_is_raised() -> None:
    def work(clone: Clone, job: int) -> int:
        if job == 1:
            raise UserError("no")
        return job

    with pytest.raises(UserError, match="no"):
        list(clones.spread([0, 1, 2], places(1), work))
