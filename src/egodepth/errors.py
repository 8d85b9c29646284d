"""The one exception that users cause, and that the command line prints as a single line with exit code 2."""


class InputError(Exception):
    """Something given to egodepth cannot be used; the message is one line that names it and says what to do."""


def require(condition: bool, message: str) -> None:
    """Raise `InputError` with the message unless the condition holds."""
    if not condition:
        raise InputError(message)
