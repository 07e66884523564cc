"""The exceptions that are shown to users without a traceback."""


class UserError(Exception):
    """Invalid input. The message names the file, row or parameter, says what is wrong, and how to fix it."""


class UnsuitableDataError(UserError):
    """The data lacks what a model needs, or there is more of it than the model can take."""
