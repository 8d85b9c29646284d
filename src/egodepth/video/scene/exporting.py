"""Write a scene for other programs."""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from egodepth.foundation.files import require_empty, staged
from egodepth.foundation.libraries import optional_library
from egodepth.foundation.progress import advancing_bar
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import ExportSettings

Write = Callable[[Scene, Path, ExportSettings, Callable[[int], None]], None]
"""Writes a scene into an existing, empty folder; the last argument is called with the number of finished frames."""


def require_packages(form: str) -> None:
    """Raise `InputError` if a format needs a package that is not installed."""
    module = _module(form)
    for package in module.PACKAGES:
        optional_library(package, f"the format {form}", module.EXTRA)


def _module(form: str) -> Any:
    return import_module(f"egodepth.video.scene.formats.{form}")


def export_scene(scene: Scene, form: str, out: Path, settings: ExportSettings) -> None:
    """Write a scene in one of `FORMATS`, completely or not at all.

    Args:
        scene: the scene.
        form: the name of the format.
        out: a new or empty folder.
        settings: what is left out.

    Raises:
        InputError: the folder holds something, files of the scene are gone, a package is missing, or a setting has no
            effect on the format.
    """
    require_packages(form)
    settings.check(form)
    require_empty(out)
    write: Write = _module(form).write
    with advancing_bar(f"{scene.name}: {form}", len(scene.frames)) as advance, staged(out) as folder:
        write(scene, folder, settings, advance)
