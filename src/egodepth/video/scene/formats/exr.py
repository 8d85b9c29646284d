"""Write the depth of a scene as OpenEXR files, one per frame, in 32-bit floats, with the camera in the header."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from egodepth.foundation.libraries import optional_library
from egodepth.video.scene.scene import Scene, SceneFrame
from egodepth.video.scene.settings import ExportSettings

PACKAGES, EXTRA = ("OpenEXR",), "scene"
"""Packages that the format needs, and the extra of egodepth that installs them."""

_AXES = "x right, y down, z forward"


def write(scene: Scene, out: Path, settings: ExportSettings, advance: Callable[[int], None]) -> None:
    """Write `000000.exr` and so on into a folder: channel Z, at the size of the images.

    The header has the pose as `worldToCamera` (M44f, for row vectors, as OpenEXR multiplies), the camera as
    `intrinsics` (M33d, for column vectors and pixels whose first centre is 0), `seconds`, `unit` and `axes`.

    Raises:
        InputError: OpenEXR is missing, or a depth file is.
    """
    openexr = optional_library("OpenEXR", "an EXR file", "scene")
    for frame in scene.frames:
        depth = np.ascontiguousarray(scene.full_depth(scene.maps(frame)))
        openexr.File(_header(openexr, scene, frame), {"Z": depth}).write(str(out / f"{frame.number:06d}.exr"))
        advance(1)


def _header(openexr: Any, scene: Scene, frame: SceneFrame) -> dict[str, Any]:
    camera_from_world = np.linalg.inv(frame.world_from_camera)
    return {
        "compression": openexr.ZIP_COMPRESSION,
        "type": openexr.scanlineimage,
        "worldToCamera": np.ascontiguousarray(camera_from_world.T, np.float32),
        "intrinsics": scene.camera.to_pixels(scene.size).double().numpy(),
        "seconds": frame.seconds,
        "unit": scene.unit,
        "axes": _AXES,
    }
