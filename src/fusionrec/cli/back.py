"""Returns to the results of the last commit, after `dvc exp run` or `dvc repro`, also if it was interrupted.

    fusionrec back

Your own changes stay: code, and what you changed in params.yaml yourself. What `-S` changed there is undone. dvc.lock,
metrics/ and plots/ are those of the commit, and data comes from DVC's cache. If HEAD was left detached, it is on its
branch again. What killed stages have left in data/, metrics/ and plots/ is deleted. Experiments are kept:
`dvc exp list` shows them, and `dvc exp apply NAME` brings one back.
"""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from fusionrec import scratch
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.experiments import interruption
from fusionrec.git import PARAMS, changed_parameters, git, holds

RESULTS = ("dvc.lock", "src/dvc.lock", "metrics", "plots")
PIPELINE = ("dvc.yaml", "src/dvc.yaml")  # data that a user has added to DVC is not touched


def main(arguments: list[str]) -> None:
    """Run the command.

    Args:
        arguments: those after the name of the command.

    Raises:
        UserError: if a stage or DVC is running here, or Git or DVC fail.
    """
    _arguments.parser("back", __doc__).parse_args(arguments)
    root = Path.cwd()
    if not holds(root, "rev-parse", "-q", "--verify", "HEAD") or not (root / "dvc.yaml").exists():
        raise UserError("there is no dvc.yaml or no commit here; run from the root of the repository")
    _refuse_if_running(root)
    for said in _steps(root):
        print(said)


def _steps(root: Path) -> Iterator[str]:
    """Go back step by step, and say what was done."""
    if interruption.recover(root):
        yield "your changes are back from a stash"
    branch = interruption.lost_branch(root)
    if branch:
        interruption.reattach(root, branch)
        yield f"HEAD is on {branch} again"
    yield from _restore_params(root)
    for ref in interruption.EXEC:
        git(root, "update-ref", "-d", ref)
    yield from _restore_results(root)
    swept = scratch.sweep_outputs(root, unknown=True)
    if swept:
        yield f"deleted what killed stages left: {_some([str(path.relative_to(root)) for path in swept])}"
    yield from _checkout(root)
    kept = git(root, "diff", "--name-only", "HEAD").splitlines()
    if kept:
        yield f"your own changes are kept: {_some(kept)}"
    if PARAMS in kept:
        yield f"of {PARAMS} differs from the commit: {_some([*changed_parameters(root)])}"


def _restore_params(root: Path) -> Iterator[str]:
    """Undo what `-S` changed in params.yaml."""
    before = interruption.params_before(root)
    if before:
        command = ["git", "cat-file", "blob", before]
        (root / PARAMS).write_bytes(subprocess.run(command, cwd=root, capture_output=True, check=True).stdout)
        yield f"{PARAMS} is as it was before the experiment"
    git(root, "restore", "--staged", "--", PARAMS)


def _restore_results(root: Path) -> Iterator[str]:
    """Take everything from the commit that stages write and Git tracks."""
    paths = git(root, "ls-tree", "--name-only", "HEAD", "--", *RESULTS).splitlines()
    changed = git(root, "diff", "--name-only", "HEAD", "--", *RESULTS).splitlines()
    if changed:
        git(root, "restore", "--source=HEAD", "--staged", "--worktree", "--", *paths)
        yield f"restored from the commit: {_some(changed)}"
    # DVC stages this file of its own
    git(root, "rm", "--quiet", "--force", "--ignore-unmatch", "--", interruption.ARGUMENTS)


def _checkout(root: Path) -> Iterator[str]:
    """Take the data of the commit from DVC's cache.

    Raises:
        UserError: if DVC fails for another reason than missing data.
    """
    command = [sys.executable, "-m", "dvc", "checkout", "--force", *PIPELINE]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    if done.returncode and "Checkout failed for following targets" not in done.stderr:
        raise UserError(f"`dvc checkout` failed: {done.stderr.strip()}")
    restored = [line.split("\t")[1] for line in done.stdout.splitlines() if line.startswith(("A\t", "M\t"))]
    if restored:
        yield f"restored from DVC's cache: {_some(restored)}"
    lock = (root / "dvc.lock").read_text(encoding="utf-8").split()
    missing = [line for line in done.stderr.splitlines() if line in lock]
    if missing:
        yield f"not in DVC's cache: {_some(missing)}; run `dvc pull`, or `dvc repro`"


def _some(names: list[str]) -> str:
    more = f" and {len(names) - 4} more" if len(names) > 4 else ""
    return ", ".join(names[:4]) + more


def _refuse_if_running(root: Path) -> None:
    """Refuse while DVC or a stage works in the repository.

    Raises:
        UserError: with what runs.
    """
    import psutil  # type: ignore[import-untyped]

    for process in psutil.process_iter():
        try:
            words = process.cmdline()[:4]
            names = {Path(word).name for word in words[:3]} if Path(process.cwd()) == root else set()
        except psutil.Error:
            continue
        if "dvc" in names or any(word.startswith("stages/") for word in words if names):
            raise UserError(
                f"`{' '.join(words)}` is running here as process {process.pid}: wait until it has ended, or stop it "
                f"with `kill {process.pid}`"
            )
