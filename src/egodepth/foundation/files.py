"""Writing files so that nobody ever finds one half-written: beside the final name first, then renamed."""

import errno
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from egodepth.foundation.errors import InputError

RECORD = "predictions.json"
"""In a folder of predictions: what they are, and name and size of each file (`files`)."""


def cache_folder() -> Path:
    """Where results are kept that can be had again: EGODEPTH_CACHE, or `egodepth` in the user's cache folder."""
    own = os.environ.get("EGODEPTH_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "egodepth"


def not_written(path: str | Path, error: OSError) -> InputError:
    """What to say where a file or folder cannot be written."""
    reason = error.strerror or error
    if error.errno == errno.ENAMETOOLONG:
        return InputError(f"{path}: cannot be written ({reason}); choose a shorter name")
    return InputError(f"{path}: cannot be written ({reason}); free some space or choose another folder")


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
        raise not_written(path, error) from error
    finally:
        with suppress(OSError):  # not there, as it should be
            beside.unlink()


def write_text(path: str | Path, text: str) -> None:
    """Write a text file whole or not at all; raises `InputError` as `replacing` does."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def made_in(folder: Path) -> set[str]:
    """Names of the files in a folder that its `RECORD` lists, as far as they have still the size they had then."""
    try:
        made: dict[str, int] = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        kept = {name for name, size in made.items() if (folder / name).is_file() and _size(folder / name) == size}
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        return set()
    return kept | {RECORD}


def sizes_in(folder: Path) -> dict[str, int]:
    """Of every file, by name: what a record lists as `files`. Of a folder that is not there, none."""
    if not folder.is_dir():
        return {}
    return {path.name: _size(path) for path in sorted(folder.iterdir()) if path.is_file()}


def require_free(folder: Path, names: Iterable[str]) -> None:
    """Refuse to write files of these names where others of them are, which a user may have no copy of.

    Raises:
        InputError: one is there that is not `made_in` the folder.
    """
    made = made_in(folder)
    refuse_existing(folder / name for name in names if name not in made)


def refuse_existing(paths: Iterable[Path]) -> None:
    """Refuse to write where some other file is; `InputError` names the first."""
    for path in paths:
        if path.exists():
            raise InputError(f"{path}: is there already, and not from this command; choose another --out")


def _size(path: Path) -> int:
    return path.stat().st_size


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
        raise not_written(out, error) from error
