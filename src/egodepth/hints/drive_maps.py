"""Maps of drives (poses and points by structure from motion), computed once and kept beside their hints."""

import shutil
from pathlib import Path

from rich.console import Console
from rich.markup import escape

from egodepth.data.drive import Drive
from egodepth.hints.store import drive_folder
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.drive_map import contradiction, map_recording
from egodepth.sfm.stages import Stages
from egodepth.sfm.structures import SfmSettings

MAP_VERSION = 2
"""Version of the map computation. A map of another version, or a failure of it, is computed again."""
MAP, NO_MAP = f"map-{MAP_VERSION}.npz", f"no_map-{MAP_VERSION}"


def keep_map(store: Path, drive: Drive, clip_map: ClipMap) -> None:
    """Keep a map that was made elsewhere with the drive's own camera, as if it had been made for hints."""
    place = drive_folder(store, drive) / MAP
    if not place.is_file():
        place.parent.mkdir(parents=True, exist_ok=True)
        clip_map.save(place)


def drive_map(drive: Drive, folder: Path, seed: int, console: Console) -> ClipMap | None:
    """Return poses and points of a drive by structure from motion, computed once; None, with a message, if that fails.

    A message also reports if the map contradicts the drive's camera.
    """
    place, failed = folder / MAP, folder / NO_MAP
    if place.is_file():
        return ClipMap.load(place)
    if failed.exists():
        return None
    work = folder / "sfm_work"
    folder.mkdir(parents=True, exist_ok=True)
    settings = SfmSettings(seed=seed)
    found = map_recording(drive.read_image, list(drive.frames), drive.size, drive.camera, work, settings, Stages())
    if found is None:
        console.print(
            f"{drive.name}: structure from motion fits no frames together; it is learned from images alone",
            highlight=False,
            markup=False,
        )
        failed.touch()
    else:
        if doubt := contradiction(drive.camera, drive.size, work, f"{drive.name}: its camera", Stages()):
            console.print(f"[yellow]{escape(doubt)}[/]", highlight=False, soft_wrap=True)
        found.save(place)
    shutil.rmtree(work, ignore_errors=True)
    return found
