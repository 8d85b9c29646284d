"""The exception for users' mistakes, which the command line prints as a single line with exit code 2."""

from signal import Signals

_MOST_CHARACTERS = 1000


class InputError(Exception):
    """Unusable input. The message is one line that names it and says what to do.

    Messages quote untrusted files. Characters that would break the line or control the terminal become blanks or
    question marks, and the middle of a very long message is left out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


class Stopped(Exception):  # noqa: N818 - it is none
    """A signal ended the work, and everything that is needed to continue is written. The message is one line."""

    def __init__(self, message: str, signal: Signals) -> None:
        super().__init__(message)
        self.signal = signal


def reason_of(error: Exception) -> str:
    """Return the first sentence of a library's exception, or its type if it has no message."""
    return (str(error).strip() or type(error).__name__).splitlines()[0].split(". ")[0]


def require(condition: bool, message: str) -> None:
    """Raise `InputError` with the message unless the condition holds."""
    if not condition:
        raise InputError(message)


def _one_line(message: str) -> str:
    if len(message) > _MOST_CHARACTERS:
        half = _MOST_CHARACTERS // 2
        message = f"{message[:half]} ... {message[-half:]}"
    if message.isprintable():
        return message
    return "".join(c if c.isprintable() else " " if c.isspace() else "?" for c in message)
