"""Files of any revision or experiment, without a checkout."""

import argparse
from pathlib import Path

from fusionrec import runtime
from fusionrec.errors import UserError

WORKSPACE = "workspace"
PER_USER = "data/metrics/per_user.parquet"
PER_SLICE = "data/metrics/slices.parquet"


def parser(description: str | None) -> argparse.ArgumentParser:
    """Arguments `a` and `b` of a command that compares two revisions: by default HEAD and what lies here."""
    found = runtime.parser(description)
    found.add_argument("a", nargs="?", default="HEAD", metavar="A", help="default: HEAD")
    found.add_argument("b", nargs="?", default=WORKSPACE, metavar="B", help=f"default: {WORKSPACE}")
    return found


def read_bytes(path: str, revision: str) -> bytes:
    """What `path`, an output that DVC tracks, holds in a revision.

    Args:
        path: from the repository's root, which is the working directory.
        revision: a commit, branch, tag or experiment; `workspace` is what lies here.

    Raises:
        UserError: if there is no such revision, or the file is neither in DVC's cache nor in its remote.
    """
    if revision == WORKSPACE:
        if not Path(path).is_file():
            raise UserError(f"{path}: not found; run `dvc repro`")
        return Path(path).read_bytes()
    import dvc.api  # type: ignore[import-untyped]
    from dvc.exceptions import DvcException  # type: ignore[import-untyped]
    from dvc.scm import RevError  # type: ignore[import-untyped]
    from dvc_data.index.index import DataIndexDirError

    try:
        with dvc.api.open(path, rev=revision, mode="rb") as file:
            return file.read()
    except RevError:
        raise UserError(
            f"{revision}: no such revision or experiment; see `dvc exp list --all-commits`"
        ) from None
    except (DvcException, DataIndexDirError, OSError):
        raise UserError(
            f"{revision}: {path} is neither in DVC's cache nor in a remote; run `dvc repro` there, or ask who "
            "ran it to `dvc push`"
        ) from None
