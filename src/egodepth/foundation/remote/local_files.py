"""The local side of a mirror: what is there, and what has to go."""

import os
import shutil
from collections.abc import Iterable
from pathlib import Path

from egodepth.foundation.errors import InputError
from egodepth.foundation.remote.names import is_hidden


def local_names(folder: Path, hidden: bool = False) -> list[str]:
    """Names of all files below a local folder, in order; the hidden ones only if asked for."""
    paths = (Path(at) / name for at, _, names in os.walk(folder) for name in names)
    found = sorted(path.relative_to(folder).as_posix() for path in paths)
    return [name for name in found if hidden or not is_hidden(name)]


def remove_files(local: Path, names: Iterable[str]) -> None:
    """Remove local files, and the folders that become empty: an empty one may look like a checkpoint."""
    for name in names:
        path = local / name
        path.unlink(missing_ok=True)
        for folder in path.relative_to(local).parents:
            if folder != Path() and not any((local / folder).iterdir()):
                (local / folder).rmdir()


def require_room(local: Path, needed: int) -> None:
    """See that so many bytes fit; `InputError` says how many lack."""
    local.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(local).free
    if needed > free:
        raise InputError(
            f"{local}: {needed / 1e9:.1f} GB to fetch, and {free / 1e9:.1f} GB are free; free some space, or name "
            "another cache folder in EGODEPTH_CACHE"
        )
