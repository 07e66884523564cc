"""Clones of the repository in which experiments run beside each other, and beside the work in it.

`dvc exp run --temp` and the queue stash the changes of the workspace and move its HEAD while an experiment is
set up, copy all data for each anew, and hide where it runs. A clone leaves the workspace alone, keeps its
data from one experiment to the next, and can be thrown away whenever something was killed in it. It shares
DVC's cache, so that no stage runs twice, and hands its experiments over by `dvc exp push`.
"""

import hashlib
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeVar

from fusionrec import params
from fusionrec.errors import UserError
from fusionrec.experiments import keeper, overrides

WHAT_COUNTS = ["src", "stages", "params.yaml", "dvc.yaml", "dvc.lock"]
DVC = [sys.executable, "-m", "dvc"]
HOME = Path(".dvc/tmp/experiments")  # of the clones, from the root of the repository
J = TypeVar("J")
R = TypeVar("R")


class Clone(NamedTuple):
    """Where it is, and the commit that every experiment in it begins with."""

    folder: Path
    revision: str


def run(command: list[str], folder: Path) -> str:
    """What `command` prints.

    Raises:
        UserError: if it fails, with what it said.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"`{' '.join(command[-6:])}` failed in {folder}: {done.stderr.strip()}")
    return done.stdout


def committed(root: Path) -> str:
    """The commit that experiments begin with.

    Raises:
        UserError: if code, parameters or lock have changes that it lacks.
    """
    changed = run(["git", "status", "--porcelain", "--", *WHAT_COUNTS], root).splitlines()
    if changed:
        names = ", ".join(line[3:] for line in changed[:5])
        raise UserError(
            f"experiments begin with the last commit, which lacks changes in {names}: commit them"
        )
    return run(["git", "rev-parse", "HEAD"], root).strip()


def key(root: Path, revision: str) -> str:
    """Seven digits for all that an experiment begins with: code, parameters and hashes of the data."""
    tree = run(["git", "ls-tree", revision, "--", *WHAT_COUNTS], root)
    return hashlib.sha256(tree.encode()).hexdigest()[:7]


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Hold `home`, the folder of the clones, and empty it in the end; a killed process holds it no more.

    Raises:
        UserError: if another process holds it.
    """
    from filelock import FileLock, Timeout

    home.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(home / "lock", timeout=0):
            try:
                yield
            finally:
                for folder in filter(Path.is_dir, home.iterdir()):
                    shutil.rmtree(folder, ignore_errors=True)
    except Timeout:
        raise UserError("other experiments are running in this repository: wait, or end them") from None


def make(root: Path, folder: Path, revision: str, borrowed: Iterable[str] = ()) -> Clone:
    """A fresh clone of `root`, whatever was left in `folder`, with the outputs of `revision`.

    Args:
        root: the repository.
        folder: where.
        revision: the commit.
        borrowed: what is neither in Git nor in DVC and is read all the same, such as a folder of raw data.
    """
    shutil.rmtree(folder, ignore_errors=True)
    run(["git", "clone", "--quiet", "--shared", "--no-checkout", str(root), str(folder)], root)
    run(["git", "checkout", "--quiet", "--detach", revision], folder)
    local = root / ".dvc" / "config.local"
    if local.exists():
        shutil.copy(local, folder / ".dvc")
    cache = (root / run([*DVC, "cache", "dir"], root).strip()).resolve()
    run([*DVC, "config", "--local", "cache.dir", str(cache)], folder)
    for name in borrowed:
        if (root / name).exists() and not (folder / name).exists():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).symlink_to((root / name).resolve())
    run([*DVC, "checkout", "--quiet", "--allow-missing"], folder)
    return Clone(folder, revision)


def make_all(root: Path, home: Path, revision: str, count: int, p: params.Params) -> list[Clone]:
    """`count` fresh clones in `home`; see `make`."""
    if count < 1:
        raise UserError("--workers must be at least 1")
    borrowed = [p.raw.input, p.encoders.folder, *filter(None, [p.train.resume_from])]
    names = [str(number) for number in range(1, count + 1)]
    return [make(root, (home / name).absolute(), revision, borrowed) for name in names]


def begin(clone: Clone, settings: list[str]) -> None:
    """Back to the commit, with the parameters `settings`."""
    shutil.rmtree(clone.folder / ".dvc" / "tmp", ignore_errors=True)  # locks of what was killed
    (clone.folder / ".git" / "index.lock").unlink(missing_ok=True)
    run(["git", "reset", "--quiet", "--hard", clone.revision], clone.folder)
    overrides.apply(clone.folder / "params.yaml", settings)


def experiment(clone: Clone, name: str, settings: list[str], log: Path) -> None:
    """Run the whole pipeline as the experiment `name`, and hand it to the repository.

    Raises:
        UserError: if it fails; the message has the end of its log.
    """
    begin(clone, settings)
    if keeper.start([*DVC, "exp", "run", "--name", name], clone.folder, log).wait():
        raise UserError(f"experiment {name} failed: {last_words(log)}")
    run([*DVC, "exp", "push", "--no-cache", "origin", name], clone.folder)


def last_words(log: Path) -> str:
    """The message that a stage ended with, or the last line, and where to read on."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    said = [line for line in lines if line.startswith("error: ")] or [line for line in lines if line.strip()]
    return f"{(said or ['nothing was printed'])[-1].removeprefix('error: ')} ({log})"


def existing(root: Path, revision: str) -> set[str]:
    """Names of the experiments that began with `revision`."""
    prefix = f"refs/exps/{revision[:2]}/{revision[2:]}/"
    refs = run(["git", "for-each-ref", "--format=%(refname)", prefix], root).split()
    return {ref.removeprefix(prefix) for ref in refs}


def spread(
    jobs: Sequence[J], clones: Sequence[Clone], work: Callable[[Clone, J], R]
) -> Iterator[tuple[J, R]]:
    """Jobs and results of `work`, in the order in which they end; each clone does one after the other.

    What `work` raises is raised here. The threads end with this process, and so do their commands.
    """
    waiting: SimpleQueue[J] = SimpleQueue()
    done: SimpleQueue[tuple[J, R] | BaseException] = SimpleQueue()
    for job in jobs:
        waiting.put(job)

    def follow(clone: Clone) -> None:
        while True:
            try:
                job = waiting.get_nowait()
            except Empty:
                return
            try:
                done.put((job, work(clone, job)))
            except BaseException as error:
                done.put(error)

    for clone in clones:
        threading.Thread(target=follow, args=(clone,), daemon=True).start()
    for _ in jobs:
        result = done.get()
        if isinstance(result, BaseException):
            raise result
        yield result
