"""The exceptions that are shown to users without a traceback."""


class UserError(Exception):
    """Invalid input. The message names the file, row or parameter, says what is wrong, and how to fix it."""


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
