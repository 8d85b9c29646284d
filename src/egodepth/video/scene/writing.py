"""Write `scene.json`, which says where all files of a scene are, and the tracked points of each row."""

import json
import os
from pathlib import Path
from typing import Any

from egodepth.foundation.files import write_text
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.aligned_clip import Aligned
from egodepth.video.recording import Recording
from egodepth.video.row_files import row_file
from egodepth.video.scene.scene import FORMAT, SCENE
from egodepth.video.scene.tracked_points import points_of_row

_AXES = "world_from_camera; x right, y down, z forward, the axes of the row's first camera"


def write_scene(
    out: Path,
    recording: Recording,
    images: Path,
    aligned: Aligned,
    clip_map: ClipMap | None,
    metric: bool,
    cloud: bool,
) -> None:
    """Write `scene.json` and `points.npz` (`points_2.npz`, ...) into the folder of a clip.

    Args:
        out: the folder of the clip.
        recording: the recording.
        images: the folder of its extracted frames.
        aligned: its depth and trajectory.
        clip_map: the map that its poses come from; None without one.
        metric: whether depth is in metres.
        cloud: whether a cloud is written.
    """
    rows = []
    for row, frames in enumerate(recording.rows):
        poses, units = aligned.row_poses[row], aligned.row_trajectories[row].units
        points = None
        if clip_map is not None and len(units):
            points = points_of_row(clip_map, frames.numbers, units, poses)
        if points is not None:
            points.save(row_file(out, "points", row, ".npz"))
        rows.append(
            {
                "cloud": row_file(out, "cloud", row, ".ply").name if cloud else None,
                "points": None if points is None else row_file(out, "points", row, ".npz").name,
                "frames": [
                    _frame(number, seconds, aligned.place_of(seconds), pose.tolist())
                    for number, seconds, pose in zip(frames.numbers, frames.seconds.tolist(), poses, strict=True)
                ],
            }
        )
    content = {
        "format": FORMAT,
        "name": recording.name,
        "axes": _AXES,
        "metric": metric,
        "images": os.path.relpath(images, out),
        "rows": rows,
    }
    write_text(out / SCENE, json.dumps(content, indent=1) + "\n")


def _frame(number: int, seconds: float, place: int, pose: list[list[float]]) -> dict[str, Any]:
    depth = f"depth/{place:06d}.npz"
    return {"number": number, "seconds": seconds, "depth": depth, "world_from_camera": pose}
