"""A small scene on the disk, with the files that `egodepth video` writes: a camera drives towards a wall."""

import json
from pathlib import Path

import numpy as np

from egodepth.data.images import write_image
from egodepth.video.cloud.point_cloud import Cloud, write_cloud
from egodepth.video.scene.scene import FORMAT
from video.cloud.cloud_scenes import FOCAL_PX, SIZE, ground_and_wall, pose_at, rays

STEP, FPS = 0.5, 10.0
"""Distance between two frames, and frames in a second."""


def image_of(frame: int) -> np.ndarray:
    """Columns differ in red, rows in blue, frames in green."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[..., 0] = np.linspace(60, 250, SIZE[1])
    image[..., 1] = 20 * (frame + 1) % 256
    image[..., 2] = np.linspace(60, 250, SIZE[0])[:, None]
    return image


def depth_of(frame: int) -> np.ndarray:
    return ground_and_wall(frame * STEP).astype(np.float32)


def confidence_of() -> np.ndarray:
    """From 0 at the left to 1 at the right."""
    return np.broadcast_to(np.linspace(0, 1, SIZE[1], dtype=np.float32), SIZE).copy()


def write_scene_folder(folder: Path, frames: int = 6, metric: bool = True) -> Path:
    """Write frames, camera, depth, cloud and `scene.json`; return the folder of the clip."""
    images, clip = folder / "frames" / "clip", folder / "clip"
    (clip / "depth").mkdir(parents=True)
    images.mkdir(parents=True)
    points = []
    for frame in range(frames):
        write_image(images / f"{frame:06d}.png", image_of(frame))
        depth = depth_of(frame)
        error = 0.2 - 0.15 * confidence_of()
        arrays = {"depth": depth, "confidence": confidence_of(), "expected_error": error}
        np.savez(clip / "depth" / f"{frame:06d}.npz", **arrays)
        points.append(np.stack([*(rays() * depth), depth + frame * STEP], -1).reshape(-1, 3))
    height, width = SIZE
    camera = {
        "fx": FOCAL_PX,
        "fy": FOCAL_PX,
        "cx": width / 2 - 0.5,
        "cy": height / 2 - 0.5,
        "width": width,
        "height": height,
    }
    (images / "camera.json").write_text(json.dumps(camera))
    xyz = np.concatenate(points).astype(np.float32)
    rgb = np.concatenate([image_of(frame).reshape(-1, 3) for frame in range(frames)])
    seen = np.ones(len(xyz), np.int32)
    write_cloud(clip / "cloud.ply", Cloud(xyz, rgb, np.tile(confidence_of().ravel(), frames), seen, float("nan")))
    rows = [
        {
            "number": frame,
            "seconds": frame / FPS,
            "depth": f"depth/{frame:06d}.npz",
            "world_from_camera": pose_at(z=frame * STEP).tolist(),
        }
        for frame in range(frames)
    ]
    content = {
        "format": FORMAT,
        "name": "clip",
        "axes": "x right, y down, z forward",
        "metric": metric,
        "images": "../frames/clip",
        "rows": [{"cloud": "cloud.ply", "points": None, "frames": rows}],
    }
    (clip / "scene.json").write_text(json.dumps(content))
    return clip
