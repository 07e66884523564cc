"""The exception that is shown to users without a traceback."""


class UserError(Exception):
    """Invalid input. The message names the file, row or parameter, says what is wrong, and how to fix it."""
