"""Reads every byte that the lock files name, and what FusionRec keeps elsewhere, and says what is damaged.

    fusionrec verify [--repair]
    fusionrec verify --environment [--record]

Checked are: the outputs of all stages and data that was added to DVC, here and in DVC's cache; the inputs of stages;
downloaded weights, stored vectors and interrupted trainings in ~/.cache/fusionrec, or $FUSIONREC_CACHE. For each file
that is not what it must be, you see what is wrong, and where the right bytes can come from.

With --repair, a damaged copy is replaced by a good one that is here or in a remote. Where there is none, damaged files
are deleted if a stage makes them again: `dvc repro` does that. Data that you added yourself is never deleted. The
exit status is 1 if anything is wrong, with --repair if anything is left to do.

With --environment, you see why a lock does not come out again, after a `dvc repro` that has changed dvc.lock: which
stage made other bytes of the same inputs, by how much its numbers differ if both versions are here, and what differs in
the environment: versions of packages from requirements.txt; CPU, system and settings from environment.json, which
--record writes where dvc.lock is made. The exit status is 1 if bytes differ.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from fusionrec import files, params, paths, runtime
from fusionrec.cli import _arguments
from fusionrec.errors import UserError
from fusionrec.integrity.fault import Fault

SHOWN = 30  # faults


def main(arguments: list[str]) -> None:
    """Run the command.

    Args:
        arguments: those after the name of the command.

    Raises:
        UserError: if there is no pipeline here, or something is wrong.
    """
    parser = _arguments.parser("verify", __doc__)
    parser.add_argument("--repair", action="store_true", help="replace or delete what is damaged")
    parser.add_argument("--environment", action="store_true", help="say why a lock does not come out again")
    parser.add_argument("--record", action="store_true", help="with --environment: write environment.json")
    chosen = parser.parse_args(arguments)
    if not Path("dvc.yaml").is_file():
        raise UserError("there is no dvc.yaml here; run from the root of the repository")
    if chosen.environment:
        _explain(chosen.record)
    else:
        _check(chosen.repair)


def _explain(record: bool) -> None:
    """Say what differs in the environment, and in the bytes.

    Raises:
        UserError: if bytes differ.
    """
    from fusionrec.integrity import environment, reproduction

    now = environment.here(params.load(runtime.Runtime).reproducible)
    path = Path(environment.RECORD)
    if record:
        files.write_json(path, now)
    lines = environment.packages(Path(environment.PINNED)) if Path(environment.PINNED).is_file() else []
    if path.is_file():
        lines += environment.differences(files.read_json(path), now)
    else:
        print(f"{path}: there is no record of where dvc.lock was made; --record makes one of this machine")
    print("\n".join(lines) if lines else "environment: no difference")
    with _repository() as repo:
        differing = reproduction.report(repo)
    print("\n".join(differing) if differing else "dvc.lock: as in the last commit")
    if differing:
        raise UserError("other bytes than in the last commit")


def _check(repair: bool) -> None:
    found = _faults()
    _show(found)
    if not found:
        print(_checked())
    elif repair:
        _repair(found)
    else:
        raise UserError(
            f"{len(found)} files are not what they must be; `fusionrec verify --repair` repairs them"
        )


def _faults() -> list[Fault]:
    from fusionrec.integrity import cached, tracked

    with _repository() as repo:
        return [*tracked.faults(repo), *cached.faults(paths.cache_home())]


def _show(faults: list[Fault]) -> None:
    for fault in faults[:SHOWN]:
        print(f"{fault.path}: {fault.what}; from: {fault.source}")
    if len(faults) > SHOWN:
        print(f"and {len(faults) - SHOWN:,} more")


def _repository() -> Any:
    """The DVC repository here.

    Raises:
        UserError: if DVC cannot read it, for example because a lock file is damaged.
    """
    from dvc.exceptions import DvcException  # type: ignore[import-untyped]
    from dvc.repo import Repo  # type: ignore[import-untyped]

    try:
        repo = Repo()
        repo.index.check_graph()
    except DvcException as error:
        raise UserError(
            f"DVC cannot read the repository: {error}; `git checkout dvc.lock` takes the lock of the commit"
        ) from None
    return repo


def _checked() -> str:
    from fusionrec.integrity import cached, tracked

    with _repository() as repo:
        outputs = len(tracked.outputs(repo))
    absent, home = _absent(), paths.cache_home()
    text = (
        f"nothing is wrong: {outputs - len(absent)} outputs, {len(cached.weights(home))} folders of weights, "
        f"{len(cached.stores(home))} stores of vectors"
    )
    return text + (f"; not here: {', '.join(absent)}" if absent else "")


def _absent() -> list[str]:
    """The outputs of which nothing is here."""
    from fusionrec.integrity import tracked

    with _repository() as repo:
        return [str(one) for one in tracked.outputs(repo) if one.absent()]


def _repair(found: list[Fault]) -> None:
    """Repair what can be repaired, fetch and check out, and check again.

    Raises:
        UserError: if something is left to do.
    """
    from dvc.exceptions import DvcException

    for fault in found:
        if fault.mend:
            fault.mend()
    targets = sorted({fault.output for fault in found if fault.output and fault.mend})
    with _repository() as repo, suppress(DvcException):  # what is still missing is said below
        if targets and repo.config["remote"]:
            repo.fetch(targets)
        if targets:
            repo.checkout(targets, force=True, allow_missing=True)
    left, gone = _faults(), [name for name in _absent() if name in targets]
    _show(left)
    if gone:
        print(f"deleted, because no good copy is here: {', '.join(gone)}")
    if left or gone:
        raise UserError(
            "`dvc repro` makes again what stages make; what you added must come from another copy"
        )
    print(f"repaired: {len(found)}")
