"""Files of any revision or experiment, without a checkout."""

from pathlib import Path

from fusionrec.errors import UserError

WORKSPACE = "workspace"
PER_USER = "data/metrics/per_user.parquet"
PER_SLICE = "data/metrics/slices.parquet"


def read_bytes(path: str, revision: str) -> bytes:
    """The content of `path`, which git or DVC tracks, in a revision.

    Args:
        path: relative to the repository's root, which is the working directory.
        revision: a commit, branch, tag or experiment; `workspace` is the working directory.

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
            f"{revision}: {path} is neither in DVC's cache nor in a remote; run `dvc repro` in that revision, or "
            "ask whoever ran it to `dvc push`"
        ) from None
