"""Write trajectories and point clouds of a recording to files."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float32

from egodepth.data.images import resize_rgb
from egodepth.foundation.trajectory_files import write_kitti_poses, write_tum_poses
from egodepth.inference.predictor import at_size
from egodepth.video.aligned_clip import Aligned
from egodepth.video.arrays import read_arrays, write_arrays
from egodepth.video.cloud.fusion import fuse
from egodepth.video.cloud.point_cloud import Cloud, CloudFrame, write_cloud
from egodepth.video.depth_maps import FrameMaps
from egodepth.video.options import VideoOptions
from egodepth.video.output_files import VIDEO
from egodepth.video.page import RecordedFrame
from egodepth.video.recording import Recording
from egodepth.video.row_files import row_file
from egodepth.video.scene.settings import FORMATS

RECORDING = "recording.rrd"
_FINER = 2
"""Factor on the network's depth maps for making points: colours are finer than depth."""


def write_trajectories(out: Path, aligned: Aligned) -> None:
    """Write `trajectory.txt` (KITTI's format) and `trajectory_tum.txt` of all frames.

    If there are several rows, each has its own files: the camera's motion between rows is unknown.
    """
    for row, (seconds, poses) in enumerate(aligned.trajectories):
        write_kitti_poses(row_file(out, "trajectory", row, ".txt"), poses)
        write_tum_poses(row_file(out, "trajectory_tum", row, ".txt"), poses, seconds.tolist())


def write_clouds(out: Path, recording: Recording, aligned: Aligned, advance: Callable[[int], None]) -> None:
    """Write `cloud.ply` of each row, numbered like its trajectory; a copy beside the maps is for the report."""
    for row in range(len(aligned.row_trajectories)):
        # Unfiltered: frames that were averaged with each other would no longer confirm each other independently.
        frames = _cloud_frames(recording, aligned, row, aligned.unfiltered_frame, advance)
        cloud = fuse(frames, recording.drive.camera)
        write_cloud(row_file(out, "cloud", row, ".ply"), cloud)
        write_arrays(_kept_cloud(aligned, row), cloud._asdict())


def read_clouds(aligned: Aligned) -> list[Cloud]:
    """Return the clouds that `write_clouds` made of each row."""
    kept = [read_arrays(_kept_cloud(aligned, row)) for row in range(len(aligned.row_trajectories))]
    for arrays in kept:
        arrays["voxel"] = float(arrays["voxel"])
    return [Cloud(**arrays) for arrays in kept]


def _kept_cloud(aligned: Aligned, row: int) -> Path:
    return aligned.maps / f"cloud_{row}.npz"


def recorded_frames(recording: Recording, aligned: Aligned) -> Iterator[RecordedFrame]:
    """Yield the extracted frames for the rerun viewer."""
    camera = recording.drive.camera
    for row, frames in enumerate(recording.rows):
        cloud_frames = _cloud_frames(recording, aligned, row, aligned.frame, lambda _: None)
        for seconds, frame in zip(frames.seconds.tolist(), cloud_frames, strict=True):
            yield RecordedFrame(
                seconds=seconds,
                image=frame.image,
                depth=frame.depth,
                focal=camera.focal.numpy(),
                centre=camera.centre.numpy(),
                world_from_camera=frame.world_from_camera,
            )


def written_files(out: Path, aligned: Aligned, options: VideoOptions) -> tuple[tuple[str, str], ...]:
    """Return the files beside the report, relative to it, with descriptions; the video first."""
    files = [(VIDEO, "the recording and its depth")]
    if options.files:
        files.append(("depth", f"{' and '.join(options.files)} of every frame"))
    for row in range(len(aligned.row_trajectories)):
        files += [
            (row_file(out, "trajectory", row, ".txt").name, "the camera's trajectory, KITTI's format"),
            (row_file(out, "trajectory_tum", row, ".txt").name, "the same with times, TUM's format"),
        ]
        if options.cloud:
            files.append((row_file(out, "cloud", row, ".ply").name, "point cloud"))
    files += [(form, FORMATS[form]) for form in options.scene]
    if options.rerun:
        files.append((RECORDING, f"for the rerun viewer: rerun {RECORDING}"))
    return (*files, ("report.json", "the figures of this page"))


def _cloud_frames(
    recording: Recording,
    aligned: Aligned,
    row: int,
    maps_of: Callable[[int], FrameMaps],
    advance: Callable[[int], None],
) -> Iterator[CloudFrame]:
    """Yield the extracted frames of a row, with the maps that a function returns for their places."""
    frames = recording.rows[row]
    for number, seconds, pose in zip(frames.numbers, frames.seconds.tolist(), aligned.row_poses[row], strict=True):
        place = aligned.place_of(seconds)
        maps = maps_of(place)
        size = (_FINER * maps.inverse_depth.shape[0], _FINER * maps.inverse_depth.shape[1])
        image = resize_rgb(recording.drive.read_image(number), size)
        yield CloudFrame(
            image, 1 / _enlarged(maps.inverse_depth, size), _enlarged(aligned.trust(place).confidence, size), pose
        )
        advance(1)


def _enlarged(values: Float32[np.ndarray, "h w"], size: tuple[int, int]) -> Float32[np.ndarray, "H W"]:
    return at_size(torch.from_numpy(values)[None], size)[0].numpy()
