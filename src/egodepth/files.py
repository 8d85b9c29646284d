"""Writing files so that nobody ever finds one half-written: beside the final name first, then renamed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from egodepth.errors import InputError


def cache_folder() -> Path:
    """Where results are kept that can be had again: EGODEPTH_CACHE, or `egodepth` in the user's cache folder."""
    own = os.environ.get("EGODEPTH_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "egodepth"


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; it takes the place of `path` at the end, or vanishes on an exception.

    The folder is made if it is missing. The suffix of `path` is kept, as writers choose the format by it.

    Raises:
        InputError: the folder cannot be made or written to, or the disk is full.
    """
    path = Path(path)
    beside = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        os.replace(beside, path)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{path}: cannot be written ({reason}); free some space or choose another folder") from error
    finally:
        if beside.exists():
            beside.unlink()


def write_text(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all; raises `InputError` as `replacing` does."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A temporary folder beside `out`, whose files move there at the end, or vanish on an exception.

    Raises:
        InputError: a folder cannot be made or written to, or the disk is full.
    """
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            yield Path(temporary)
            out.mkdir(exist_ok=True)
            for path in Path(temporary).iterdir():
                os.replace(path, out / path.name)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{out}: cannot be written ({reason}); free some space or choose another folder") from error
