"""Write a recording for the rerun viewer: frames, depth, cameras and the cloud on one timeline.

Needs rerun-sdk, which is imported only here.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Float32, UInt8

from egodepth.foundation.files import replacing
from egodepth.foundation.libraries import optional_library
from egodepth.video.page.content import PageContent

TIMELINE = "time"
"""Name of the timeline, in seconds of the video."""
CAMERA = "world/camera"
IMAGE = "world/camera/image"
DEPTH = "world/camera/depth"


@dataclass(frozen=True, kw_only=True)
class RecordedFrame:
    """A frame with its depth and its camera."""

    seconds: float
    image: UInt8[np.ndarray, "h w 3"]
    depth: Float32[np.ndarray, "h w"]
    """z along the axis, in the unit of the trajectory; 0 where unknown."""
    focal: Float[np.ndarray, " 2"]
    """(x, y) in units of the image's width and height, as in `egodepth.Camera`."""
    centre: Float[np.ndarray, " 2"]
    """(x, y) in the same units, from the edge of the image."""
    world_from_camera: Float[np.ndarray, "4 4"]


def write_recording(path: Path, content: PageContent, frames: Iterable[RecordedFrame]) -> None:
    """Write a recording (.rrd) of the frames, and of the page's trajectory, cloud and plots; the cloud is not thinned.

    Frames are written one by one, so the memory does not grow with their number.

    Raises:
        InputError: rerun-sdk is missing, or the file cannot be written.
    """
    rerun = rerun_library()
    with replacing(path) as beside:
        # If rerun cannot open a file, it only prints a warning and continues.
        beside.touch()
        with rerun.RecordingStream("egodepth") as recording:
            # Times of writing would be a second, useless timeline.
            recording.set_log_time_enabled(False)
            recording.save(beside)
            recording.send_recording_name(content.title)
            _log_world(rerun, recording, content)
            for frame in frames:
                _log_frame(rerun, recording, frame)
            recording.reset_time()
            _log_plots(rerun, recording, content)
            recording.disconnect()


def _log_world(rerun: Any, recording: Any, content: PageContent) -> None:
    recording.log("world", rerun.ViewCoordinates.RDF, static=True)
    if len(content.cloud_xyz):
        recording.log("world/cloud", rerun.Points3D(content.cloud_xyz, colors=content.cloud_rgb), static=True)
    if content.segments:
        strips = rerun.LineStrips3D(
            [segment.positions for segment in content.segments], labels=[segment.name for segment in content.segments]
        )
        recording.log("world/path", strips, static=True)


def _log_frame(rerun: Any, recording: Any, frame: RecordedFrame) -> None:
    height, width = frame.depth.shape
    size = np.array([width, height])
    pose = frame.world_from_camera
    recording.set_time(TIMELINE, duration=frame.seconds)
    recording.log(CAMERA, rerun.Transform3D(translation=pose[:3, 3], mat3x3=pose[:3, :3]))
    pinhole = rerun.Pinhole(
        resolution=size,
        focal_length=frame.focal * size,
        principal_point=frame.centre * size,
        camera_xyz=rerun.ViewCoordinates.RDF,
    )
    recording.log(CAMERA, pinhole)
    recording.log(IMAGE, rerun.Image(frame.image).compress(jpeg_quality=90))
    recording.log(DEPTH, rerun.DepthImage(frame.depth, meter=1.0))


def _log_plots(rerun: Any, recording: Any, content: PageContent) -> None:
    for plot in content.plots:
        for series in plot.series:
            entity = rerun.new_entity_path(["plots", plot.name, series.name])
            known = np.isfinite(series.values)
            times = rerun.TimeColumn(TIMELINE, duration=series.seconds[known])
            recording.send_columns(entity, [times], rerun.Scalars.columns(scalars=series.values[known]))


def rerun_library() -> Any:
    """Import the library; an `InputError` explains how to install it."""
    return optional_library("rerun", "a rerun recording", "rerun")
