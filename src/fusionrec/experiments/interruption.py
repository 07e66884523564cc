"""What `dvc exp run` leaves behind (DVC 3.67), in the workspace and in Git, if it is killed; or if it succeeds.

1. It puts the user's changes into Git's stash (WIP), detaches HEAD, applies them again, changes params.yaml as -S says,
   stashes everything as one commit (STASHED below), takes HEAD back to the branch, and pops the user's changes.
2. It detaches HEAD again, applies STASHED, runs the stages, and takes HEAD back. Meanwhile refs/exps/exec/EXEC_MERGE is
   STASHED. Afterwards params.yaml stays as -S has changed it.

After SIGTERM or SIGKILL, HEAD stays detached, and the user's changes may be in one of the two stashes only. Later, both
are unreachable. Git keeps them for two weeks; `.dvc/tmp/exps/run` has the hash of STASHED.
"""

import json
import math
import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from fusionrec.errors import UserError
from fusionrec.git import PARAMS, git, holds

ARGUMENTS = ".dvc/tmp/repro.dat"  # what STASHED adds to the user's changes, apart from params.yaml
ADDED = (".dvc", ".gitignore")  # so do these, if data that was added to DVC has changed since
OTHERS = ("--", ".", f":!{PARAMS}", f":!{ARGUMENTS}")
STASH, APPLIED = (
    "refs/stash",
    "refs/exps/apply/stash",
)  # the user's changes, before a run and before `dvc exp apply`
RUNS, LOCKS = ".dvc/tmp/exps/run", ".dvc/tmp/exps/rwlock"
EXEC = ("refs/exps/exec/EXEC_MERGE", "refs/exps/exec/EXEC_BASELINE")
DETACHED = re.compile(
    r"checkout: moving from (\S+) to [0-9a-f]{40}"
)  # by DVC; people use names or short hashes
HARMLESS = ("dvc: ", "commit", "reset: ")  # other entries of the reflog that DVC or its users make then


def lost_branch(root: Path, running: bool = False) -> str | None:
    """The branch from which an interrupted `dvc exp run` took HEAD; None if HEAD is where the user wants it.

    Args:
        root: of the repository.
        running: whether `dvc exp run` is running, which detaches HEAD until it ends.
    """
    if holds(root, "symbolic-ref", "-q", "HEAD") or not _exists(root, "HEAD"):
        return None
    start = _commits(root, [EXEC[0]])[0].time if running and _exists(root, EXEC[0]) else math.inf
    for line in git(root, "reflog", "--date=unix", "--format=%gd %gs", "HEAD").splitlines():
        when, entry = line.removeprefix("HEAD@{").split("} ", 1)
        moved = DETACHED.fullmatch(entry)
        if moved and holds(root, "show-ref", "--verify", "-q", f"refs/heads/{moved[1]}"):
            expected = int(when) >= start  # by the run itself
            lost = not expected and holds(root, "merge-base", "--is-ancestor", moved[1], "HEAD")
            return moved[1] if lost else None
        if not moved and not entry.startswith(HARMLESS):
            return None
    return None


def reattach(root: Path, branch: str) -> None:
    """Put HEAD on `branch` again, which gets the commits that were made meanwhile; files do not change."""
    git(root, "update-ref", f"refs/heads/{branch}", "HEAD")
    git(root, "symbolic-ref", "-m", f"fusionrec: back to {branch}", "HEAD", f"refs/heads/{branch}")


def recover(root: Path) -> bool:
    """Restore the user's changes if the run was killed while they were in a stash only; returns whether it did.

    HEAD must be where the run has left it, and no DVC may run.

    Raises:
        UserError: if files were changed since then.
    """
    if not lost_branch(root):
        return False
    if _was_starting(root):
        if _exists(root, STASH) and _is_wip(_commits(root, [STASH])[0], git(root, "rev-parse", "HEAD")):
            return _pop(root)
        git(root, "restore", "--source=HEAD", "--staged", "--worktree", "--", PARAMS)  # there were no changes
    elif _exists(root, EXEC[0]) and holds(root, "diff", "--quiet", "HEAD"):
        git(root, "restore", f"--source={EXEC[0]}", "--worktree", "--", ".")
        return not holds(root, "diff", "--quiet", "HEAD", *OTHERS)
    return False


def _was_starting(root: Path) -> bool:
    """Whether the run was killed in step 1: it still holds this lock."""
    try:
        locks = json.loads((root / LOCKS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return "workspace" in locks.get("write", {})


def _pop(root: Path) -> bool:
    """Restore the user's changes from Git's stash.

    Raises:
        UserError: if files were changed since then.
    """
    if not any(holds(root, "diff", "--quiet", commit, *OTHERS) for commit in (STASH, "HEAD")):
        raise UserError(
            "your changes from before `dvc exp run` are in `git stash list`, but files were changed since then: run "
            "`git stash pop` yourself"
        )
    git(root, "reset", "--quiet", "--hard")
    git(root, "stash", "pop", "--quiet", "--index")
    return True


def _exists(root: Path, ref: str) -> bool:
    return holds(root, "rev-parse", "-q", "--verify", ref)


def params_before(root: Path) -> str | None:
    """The blob that params.yaml was before `dvc exp run` or `dvc exp apply` changed it; None: they did not.

    It is recognised by its bytes: if it was edited afterwards, it is the user's. So it is if a run took it as it was.
    """
    if not (root / PARAMS).exists():
        return None
    now = found = git(root, "hash-object", PARAMS)
    if found == _blobs(root, ["HEAD"])[0]:
        return None
    runs = _runs(root)
    stashed = _blobs(root, [run.name for run in runs])
    for number, blob in enumerate(stashed):
        if blob == now:  # one experiment may have run on top of another
            own = _own_changes(root, runs[number], runs[number + 1 :])
            now = _blobs(root, [own or runs[number].parent])[0]
    experiments = git(root, "for-each-ref", "--format=%(objectname)", "refs/exps").split()
    if found not in stashed and found in _blobs(root, experiments):  # no run had it, so it was applied
        now = _blobs(root, [APPLIED if _exists(root, APPLIED) else "HEAD"])[0]
    return None if now == found else now


class Commit(NamedTuple):
    """A commit: its hash, first parent, time in seconds since 1970, and first line."""

    name: str
    parent: str
    time: int
    subject: str


def _commits(root: Path, names: list[str]) -> list[Commit]:
    """The commits of these names, newest first."""
    if not names:
        return []
    lines = git(root, "log", "--no-walk", "--format=%H%x09%P%x09%ct%x09%s", *names).splitlines()
    split = [line.split("\t", 3) for line in lines]
    found = [Commit(name, parents[:40], int(time), subject) for name, parents, time, subject in split]
    return sorted(found, key=lambda commit: commit.time, reverse=True)


def _runs(root: Path) -> list[Commit]:
    """The commits STASHED of all runs that Git still has, newest first."""
    names = [path.name for path in (root / RUNS).glob("*") if re.fullmatch("[0-9a-f]{40}", path.name)]
    return _commits(root, [name for name in names if holds(root, "cat-file", "-e", f"{name}^{{commit}}")])


def _own_changes(root: Path, run: Commit, earlier: list[Commit]) -> str | None:
    """The WIP of a run; None if there were no changes.

    Git knows no name for it any more. It is the newest unreachable stash between the run before and this one that
    starts from the same commit, and differs from STASHED only as it must.
    """
    since = earlier[0].time if earlier else 0
    listed = git(root, "fsck", "--unreachable", "--no-reflogs", "--connectivity-only").splitlines()
    names = [line.split()[2] for line in listed if line.startswith("unreachable commit ")]
    for commit in _commits(root, names):
        if _is_wip(commit, run.parent) and since < commit.time <= run.time:
            differing = git(root, "diff", "--name-only", commit.name, run.name).splitlines()
            if all(name in (PARAMS, ARGUMENTS) or name.endswith(ADDED) for name in differing):
                return commit.name
    return None


def _is_wip(commit: Commit, base: str) -> bool:
    """Whether a commit is a stash of changes to the commit `base`."""
    return commit.subject.startswith("WIP on ") and commit.parent == base


def _blobs(root: Path, commits: list[str]) -> list[str]:
    """The blob of params.yaml in each commit; empty where there is none."""
    asked = "".join(f"{commit}:./{PARAMS}\n" for commit in commits)
    command = ["git", "cat-file", "--batch-check=%(objectname)"]
    done = subprocess.run(command, cwd=root, input=asked, capture_output=True, text=True, check=True)
    return [line if " " not in line else "" for line in done.stdout.splitlines()]
