"""Clones of the repository, in which experiments run in parallel and apart from the workspace.

`dvc exp run --temp` and the queue stash the changes of the workspace and move its HEAD while an experiment is
set up, copy all data for each experiment, and hide where it runs. A clone leaves the workspace alone, keeps its
data from one experiment to the next, and can be deleted after anything in it was killed. It shares DVC's cache, so
that no stage runs twice, and its experiments reach the repository by `dvc exp push`.
"""

import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import NamedTuple, TypeVar

from fusionrec import costs
from fusionrec.errors import UserError
from fusionrec.experiments import child_process, overrides
from fusionrec.sections import Params

WHAT_COUNTS = ["src", "stages", "params.yaml", "dvc.yaml", "dvc.lock"]
DVC = [sys.executable, "-m", "dvc"]
HOME = Path(".dvc/tmp/experiments")  # the folder of the clones, from the root of the repository
J = TypeVar("J")
R = TypeVar("R")


class Clone(NamedTuple):
    """A folder, and the commit from which every experiment in it starts."""

    folder: Path
    revision: str


def run(command: list[str], folder: Path) -> str:
    """What `command` prints.

    Raises:
        UserError: if it fails, with its error output.
    """
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UserError(f"`{' '.join(command[-6:])}` failed in {folder}: {done.stderr.strip()}")
    return done.stdout


def committed(root: Path) -> str:
    """The commit from which experiments start: HEAD.

    Raises:
        UserError: if there are uncommitted changes in code, parameters, pipeline or lock.
    """
    changed = run(["git", "status", "--porcelain", "--", *WHAT_COUNTS], root).splitlines()
    if changed:
        names = ", ".join(line[3:] for line in changed[:5])
        raise UserError(
            f"experiments start from the last commit, but there are uncommitted changes in {names}: commit them"
        )
    return run(["git", "rev-parse", "HEAD"], root).strip()


@contextmanager
def alone(home: Path) -> Iterator[None]:
    """Lock `home`, the folder of the clones, and empty it at the end; the lock ends with the process.

    Raises:
        UserError: if another process holds the lock.
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
        raise UserError(
            "other experiments are running in this repository: wait for them, or stop them"
        ) from None


def make(root: Path, folder: Path, revision: str, borrowed: Iterable[str] = ()) -> Clone:
    """A fresh clone of `root`, with the outputs of `revision`; what is in `folder` is deleted.

    Args:
        root: the repository.
        folder: of the clone.
        revision: the commit.
        borrowed: paths that stages read but neither Git nor DVC tracks, such as a folder of raw data; they are
            linked into the clone.
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


def make_all(root: Path, home: Path, revision: str, count: int, p: Params) -> list[Clone]:
    """`count` fresh clones in `home`; see `make`."""
    if count < 1:
        raise UserError("--workers must be at least 1")
    borrowed = [p.raw.input, p.encoders.folder, *filter(None, [p.train.resume_from])]
    names = [str(number) for number in range(1, count + 1)]
    return [make(root, (home / name).absolute(), revision, borrowed) for name in names]


def begin(clone: Clone, settings: list[str]) -> None:
    """Reset to the commit, then change the parameters as `settings` say."""
    shutil.rmtree(clone.folder / ".dvc" / "tmp", ignore_errors=True)  # locks of what was killed
    shutil.rmtree(clone.folder / costs.FOLDER, ignore_errors=True)  # of the previous experiment
    (clone.folder / ".git" / "index.lock").unlink(missing_ok=True)
    run(["git", "reset", "--quiet", "--hard", clone.revision], clone.folder)
    overrides.apply(clone.folder / "params.yaml", settings)


def experiment(clone: Clone, name: str, settings: list[str], log: Path) -> None:
    """Run the whole pipeline as the experiment `name`, push it to the repository, and keep what it cost.

    Raises:
        UserError: if it fails, with the last message in its log.
    """
    begin(clone, settings)
    if child_process.start([*DVC, "exp", "run", "--name", name], clone.folder, log).wait():
        raise UserError(f"experiment {name} failed: {last_words(log)}")
    costs.keep(clone.folder)
    run([*DVC, "exp", "push", "--no-cache", "origin", name], clone.folder)


def last_words(log: Path) -> str:
    """The error message of a log, or its last line, and the path of the log."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    messages = [line for line in lines if line.startswith("error: ")]
    messages = messages or [line for line in lines if line.strip()] or ["nothing was printed"]
    return f"{messages[-1].removeprefix('error: ')} ({log})"


def existing(root: Path, revision: str) -> set[str]:
    """Names of the experiments that started from `revision`."""
    prefix = f"refs/exps/{revision[:2]}/{revision[2:]}/"
    refs = run(["git", "for-each-ref", "--format=%(refname)", prefix], root).split()
    return {ref.removeprefix(prefix) for ref in refs}


def spread(
    jobs: Sequence[J], clones: Sequence[Clone], work: Callable[[Clone, J], R]
) -> Iterator[tuple[J, R]]:
    """Jobs and the results of `work`, in the order in which they finish; each clone does one job at a time.

    Exceptions of `work` are raised here. The threads, and the commands that they run, end with this process.
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
