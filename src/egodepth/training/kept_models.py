"""Keep the models of a run in every checkpoint too, so that a lost model can be restored.

They are hard links if the file system supports them, which need no disk space. A model folder is never changed: a new
one is written and renamed. The links of older checkpoints therefore stay valid.
"""

import os
import shutil
from pathlib import Path

NAMES = ("model", "model_last")


def link_models(run: Path, checkpoint: Path) -> None:
    """Link the models of a run into the folder of a checkpoint."""
    for name in NAMES:
        if (run / name).is_dir():
            shutil.copytree(run / name, checkpoint / name, copy_function=_link)


def restore_models(checkpoint: Path, run: Path) -> list[str]:
    """Restore the models that are missing or incomplete in the run folder, and return their names."""
    lost = [
        name for name in NAMES if (checkpoint / name).is_dir() and not _files(checkpoint / name) <= _files(run / name)
    ]
    for name in lost:
        temporary = run / f".{name}.writing"
        shutil.rmtree(temporary, ignore_errors=True)
        shutil.copytree(checkpoint / name, temporary, copy_function=_link)
        shutil.rmtree(run / name, ignore_errors=True)
        os.replace(temporary, run / name)
    return lost


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # another file system, or no support for links
        shutil.copy2(source, target)
