"""The one exception that is shown to people without a traceback."""


class UserError(Exception):
    """Bad input: the message names the file, row or parameter, the reason and the remedy."""
