"""Write the images of a scene for other programs, without lens distortion."""

import shutil
from collections.abc import Callable
from pathlib import Path

from egodepth.data.images import write_image
from egodepth.video.scene.scene import Scene, SceneFrame

_COPIED = (".jpg", ".jpeg", ".png")
"""Formats that every program reads."""


def image_name(scene: Scene, frame: SceneFrame) -> str:
    """Return the file name of a frame's image: a copy keeps its format; images that are made are PNG."""
    file = scene.drive.pinhole_file(frame.number)
    suffix = ".png" if file is None or file.suffix.lower() not in _COPIED else file.suffix.lower()
    return f"{frame.number:06d}{suffix}"


def write_images(scene: Scene, folder: Path, advance: Callable[[int], None]) -> None:
    """Copy the image of every frame, or write it without lens distortion; `advance` is called with 1 for each."""
    folder.mkdir(parents=True)
    for frame in scene.frames:
        name = image_name(scene, frame)
        file = scene.drive.pinhole_file(frame.number)
        if file is not None and file.suffix.lower() == Path(name).suffix:
            shutil.copyfile(file, folder / name)
        else:
            write_image(folder / name, scene.image(frame))
        advance(1)
