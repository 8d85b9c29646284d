"""The models that a run keeps, beside every checkpoint: who loses the one finds it in the other.

Links, where the file system has them: a second name of the same file takes no room. A model folder is written anew and
renamed, never changed, so that the checkpoint's stays what it was.
"""

import os
import shutil
from pathlib import Path

NAMES = ("model", "model_last")


def link_models(run: Path, checkpoint: Path) -> None:
    """Put the run's models into the folder of a checkpoint."""
    for name in NAMES:
        if (run / name).is_dir():
            shutil.copytree(run / name, checkpoint / name, copy_function=_link)


def bring_back(checkpoint: Path, run: Path) -> list[str]:
    """Put models back that the run has no longer, or lacks files of; their names."""
    lost = [
        name for name in NAMES if (checkpoint / name).is_dir() and not _files(checkpoint / name) <= _files(run / name)
    ]
    for name in lost:
        beside = run / f".{name}.writing"
        shutil.rmtree(beside, ignore_errors=True)
        shutil.copytree(checkpoint / name, beside, copy_function=_link)
        shutil.rmtree(run / name, ignore_errors=True)
        os.replace(beside, run / name)
    return lost


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or one without links
        shutil.copy2(source, target)
