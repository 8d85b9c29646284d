"""Write a scene as a COLMAP model: one camera, the poses, and points with their tracks, beside the images.

COLMAP's pixels are edge to edge: the centre of the first pixel is (0.5, 0.5). Its cameras look along z with y down, as
ours do, so nothing is turned.
"""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from egodepth.sfm.colmap import pycolmap
from egodepth.video.scene.formats.images import image_name, write_images
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import ExportSettings
from egodepth.video.scene.tracked_points import TrackedPoints

PACKAGES, EXTRA = ("pycolmap",), "sfm"
"""Packages that the format needs, and the extra of egodepth that installs them."""


def write(scene: Scene, out: Path, settings: ExportSettings, advance: Callable[[int], None]) -> None:
    """Write `sparse/0` (binary), `text/` (the same as text) and `images/` into a folder.

    Points are those of structure from motion with their tracks. Without any, they are those of the fused cloud, which
    have no tracks.

    Raises:
        InputError: pycolmap is missing, or there are neither points nor a cloud.
    """
    library = pycolmap()
    model = library.Reconstruction()
    model.add_camera_with_trivial_rig(_camera(library, scene))
    points = scene.points
    _add_images(library, model, scene, points)
    if points is None:
        for xyz, rgb in zip(scene.cloud.xyz.astype(np.float64), scene.cloud.rgb, strict=True):
            model.add_point3D(xyz, library.Track(), rgb)
    else:
        _add_tracks(library, model, points)
    model.update_point_3d_errors()
    for name, write in (("sparse/0", model.write_binary), ("text", model.write_text)):
        (out / name).mkdir(parents=True)
        write(out / name)
    write_images(scene, out / "images", advance)


def _camera(library: Any, scene: Scene) -> Any:
    height, width = scene.size
    scale = np.array([width, height], np.float64)
    focal, centre = scene.camera.focal.double().numpy() * scale, scene.camera.centre.double().numpy() * scale
    return library.Camera(camera_id=1, model="PINHOLE", width=width, height=height, params=[*focal, *centre])


def _add_images(library: Any, model: Any, scene: Scene, points: TrackedPoints | None) -> None:
    """Add every frame with its pose and its observations; the id of an image is its position from 1."""
    height, width = scene.size
    scale = np.array([width, height], np.float64)
    focal, centre = scene.camera.focal.double().numpy(), scene.camera.centre.double().numpy()
    for position, frame in enumerate(scene.frames):
        pixels = np.empty((0, 2))
        if points is not None:
            pixels = (points.rays[points.of_frame(position)] * focal + centre) * scale
        image = library.Image(name=image_name(scene, frame), keypoints=pixels, camera_id=1, image_id=position + 1)
        pose = library.Rigid3d(np.linalg.inv(frame.world_from_camera)[:3])
        model.add_image_with_trivial_frame(image, pose)


def _add_tracks(library: Any, model: Any, points: TrackedPoints) -> None:
    frame, point = points.observations.T.astype(np.int64)
    # Observations are sorted by frame: the number within the frame is the distance from the frame's first one.
    within = np.arange(len(frame)) - np.searchsorted(frame, frame)
    order = np.argsort(point, kind="stable")
    elements = [library.TrackElement(image, place) for image, place in zip(frame + 1, within, strict=True)]
    ends = np.searchsorted(point[order], np.arange(len(points.xyz) + 1)).tolist()
    for number, (first, last) in enumerate(pairwise(ends)):
        track = library.Track([elements[place] for place in order[first:last].tolist()])
        model.add_point3D(points.xyz[number], track, points.rgb[number])
