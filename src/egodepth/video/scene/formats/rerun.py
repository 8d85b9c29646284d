"""Write a scene for the rerun viewer."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from egodepth.data.images import resize_rgb
from egodepth.video.page import PageContent, RecordedFrame, Segment, write_recording
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import ExportSettings
from egodepth.video.scene.trust import reliable_points

PACKAGES, EXTRA = ("rerun",), "rerun"
"""Packages that the format needs, and the extra of egodepth that installs them."""


def write(scene: Scene, out: Path, settings: ExportSettings, advance: Callable[[int], None]) -> None:
    """Write `recording.rrd` into a folder; raises as `write_recording`."""
    cloud = reliable_points(scene.cloud, settings)
    seconds = np.array([frame.seconds for frame in scene.frames])
    path = Segment(name="path", seconds=seconds, positions=scene.world_from_camera[:, :3, 3])
    content = PageContent(
        title=scene.name,
        summary=(),
        figures=(),
        frames=(),
        plots=(),
        segments=(path,),
        cloud_xyz=cloud.xyz,
        cloud_rgb=cloud.rgb,
        unit=scene.unit,
    )
    write_recording(out / "recording.rrd", content, _frames(scene, advance))


def _frames(scene: Scene, advance: Callable[[int], None]) -> Iterator[RecordedFrame]:
    for frame in scene.frames:
        depth = scene.maps(frame).depth
        yield RecordedFrame(
            seconds=frame.seconds,
            image=resize_rgb(scene.image(frame), (depth.shape[0], depth.shape[1])),
            depth=depth,
            focal=scene.camera.focal.numpy(),
            centre=scene.camera.centre.numpy(),
            world_from_camera=frame.world_from_camera,
        )
        advance(1)
