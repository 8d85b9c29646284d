"""Write files atomically: to a temporary name first, then renamed. Readers never find a half-written file."""

import errno
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from egodepth.foundation.errors import InputError, require

RECORD = "predictions.json"
"""File in a folder of predictions that describes them, with name and size of each file (`files`)."""


def cache_folder() -> Path:
    """Return the folder for reproducible results: EGODEPTH_CACHE, or `egodepth` in the user's cache folder."""
    own = os.environ.get("EGODEPTH_CACHE")
    return Path(own) if own else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "egodepth"


def not_written(path: str | Path, error: OSError) -> InputError:
    """Return the error for a file or folder that cannot be written."""
    reason = error.strerror or error
    if error.errno == errno.ENAMETOOLONG:
        return InputError(f"{path}: cannot be written ({reason}); choose a shorter name")
    return InputError(f"{path}: cannot be written ({reason}); free some space or choose another folder")


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`. It replaces `path` at the end, or is deleted on an exception.

    A missing folder is created. The suffix of `path` is kept, because writers choose the format by it.

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
        with suppress(OSError):  # missing after success
            beside.unlink()


def write_text(path: str | Path, text: str) -> None:
    """Write a text file completely or not at all; raises `InputError` as `replacing` does."""
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8")


def made_in(folder: Path) -> set[str]:
    """Return the names of files that the folder's `RECORD` lists, as far as they still have the recorded size."""
    try:
        made: dict[str, int] = json.loads((folder / RECORD).read_text(encoding="utf-8"))["files"]
        kept = {name for name, size in made.items() if (folder / name).is_file() and _size(folder / name) == size}
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        return set()
    return kept | {RECORD}


def sizes_in(folder: Path) -> dict[str, int]:
    """Return the size of every file in a folder, by name, as `files` in a record; empty without the folder."""
    if not folder.is_dir():
        return {}
    return {path.name: _size(path) for path in sorted(folder.iterdir()) if path.is_file()}


def require_free(folder: Path, names: Iterable[str]) -> None:
    """Refuse to overwrite files of these names that the command did not write: the user may have no copy.

    Raises:
        InputError: a file exists that is not `made_in` the folder.
    """
    made = made_in(folder)
    refuse_existing(folder / name for name in names if name not in made)


def refuse_existing(paths: Iterable[Path]) -> None:
    """Refuse to overwrite existing files; `InputError` names the first."""
    for path in paths:
        if path.exists():
            raise InputError(f"{path}: exists already, and is not from this command; choose another --out")


def require_empty(out: Path) -> None:
    """Refuse a folder that holds something, or a file; `InputError` names it."""
    empty = not out.exists() or (out.is_dir() and not any(out.iterdir()))
    require(empty, f"{out}: holds something already; choose another --out")


def _size(path: Path) -> int:
    return path.stat().st_size


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `out`. It becomes `out` at the end, or is deleted on an exception.

    If `out` holds something already, the new files are moved into it one by one.

    Raises:
        InputError: a folder cannot be made or written to, or the disk is full.
    """
    try:
        out = out.absolute()
        out.parent.mkdir(parents=True, exist_ok=True)
        with TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent) as temporary:
            made = Path(temporary) / "made"
            made.mkdir()
            yield made
            if not out.exists():
                os.replace(made, out)
            else:
                for path in made.iterdir():
                    os.replace(path, out / path.name)
    except OSError as error:
        raise not_written(out, error) from error
