"""The exceptions that are shown to users without a traceback."""

import errno
import os


class UserError(Exception):
    """Invalid input. The message names the file, row or parameter, says what is wrong, and how to fix it."""


def of_system(error: OSError) -> UserError | None:
    """The message for a full disk, missing rights or a folder that cannot be written; None for other errors."""
    remedies = {
        errno.ENOSPC: "free some space, or set FUSIONREC_CACHE to a folder on another disk",
        errno.EDQUOT: "free some space, or set FUSIONREC_CACHE to a folder on another disk",
        errno.EFBIG: "lift the limit on the size of files",
        errno.EROFS: "work in a folder that can be written",
        errno.EACCES: "change its rights",
        errno.EPERM: "change its rights",
    }
    if error.errno not in remedies:
        return None
    name = f"{error.filename}: " if error.filename else ""
    reason = os.strerror(error.errno)
    return UserError(
        f"{name}{reason}; {remedies[error.errno]}, and run the same command again: nothing is half-written"
    )


class UnsuitableDataError(UserError):
    """The data lacks what a model needs, or there is more of it than the model can take."""


class DamagedError(UserError):
    """The bytes of a file are not those that were written."""


class ProofError(UserError):
    """A result breaks a promise that FusionRec makes about it, which is a mistake in the code and not in the data."""

    def __init__(self, promise: str):
        super().__init__(
            f"FusionRec found a mistake in its own result, and wrote nothing: not true that {promise}; please report "
            "it, with params.yaml"
        )
