import errno

import pytest

from egodepth.data import retry
from egodepth.data.retry import with_retries
from egodepth.foundation.errors import InputError


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retry, "PAUSES", (0.0, 0.0, 0.0))


class Flaky:
    """Fails so often, then works."""

    def __init__(self, failures: int, error: Exception) -> None:
        self.left, self.error, self.calls, self.told = failures, error, 0, 0

    def read(self) -> str:
        self.calls += 1
        if self.left:
            self.left -= 1
            raise self.error
        return "image"

    def note(self) -> None:
        self.told += 1


def in_words(cause: OSError) -> InputError:
    error = InputError("a.png: not readable")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize("error", [OSError(errno.EIO, "I/O error"), in_words(OSError(errno.ESTALE, "Stale handle"))])
def test_an_error_that_passes_is_outlived(error):
    flaky = Flaky(3, error)
    assert with_retries(flaky.read, flaky.note) == "image"
    assert (flaky.calls, flaky.told) == (4, 3)


def test_an_error_that_stays_is_one_line_in_the_end():
    flaky = Flaky(99, OSError(errno.EIO, "Input/output error", "a.png"))
    with pytest.raises(InputError, match=r"^a.png: cannot be read \(Input/output error\)$"):
        with_retries(flaky.read, flaky.note)
    assert flaky.calls == 4


@pytest.mark.parametrize("error", [in_words(OSError("image file is truncated")), InputError("a.png: no such file")])
def test_what_is_damaged_or_missing_is_not_read_again(error):
    flaky = Flaky(99, error)
    with pytest.raises(InputError, match=str(error)):
        with_retries(flaky.read, flaky.note)
    assert (flaky.calls, flaky.told) == (1, 0)
