"""The one exception that users cause, and that the command line prints as a single line with exit code 2."""

from signal import Signals

_MOST_CHARACTERS = 1000


class InputError(Exception):
    """Something given to egodepth cannot be used; the message is one line that names it and says what to do.

    Messages quote files of strangers: what would break the line or steer the terminal becomes a blank or a question
    mark, and the middle of what is far too long is left out.
    """

    def __init__(self, message: str) -> None:
        super().__init__(_one_line(message))


class Stopped(Exception):  # noqa: N818 - it is none
    """A signal asked for an end, and what is needed to go on is written; the message is one line."""

    def __init__(self, message: str, signal: Signals) -> None:
        super().__init__(message)
        self.signal = signal


def reason_of(error: Exception) -> str:
    """The first sentence of what an exception of a library says, or its kind where it says nothing."""
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
