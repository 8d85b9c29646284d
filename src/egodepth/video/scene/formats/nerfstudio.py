"""Write a scene for nerfstudio: `transforms.json`, images, depth, masks and the cloud.

nerfstudio's cameras are OpenGL's: x right, y up, and they look along -z. Its world points up along z. Its pixels are
edge to edge: the centre of the first pixel is (0.5, 0.5).
"""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from jaxtyping import Float32

from egodepth.data.images import write_image
from egodepth.foundation.files import write_text
from egodepth.foundation.ply_files import write_ply
from egodepth.video.scene.formats.axes import OPENGL_FROM_OURS, Z_UP_FROM_OURS, moved
from egodepth.video.scene.formats.images import image_name, write_images
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import ExportSettings
from egodepth.video.scene.trust import reliable_pixels, reliable_points

PACKAGES, EXTRA = (), "scene"
"""Packages that the format needs, and the extra of egodepth that installs them."""

_DEFAULT_UNIT, _MOST_LEVEL = 1e-3, 65535
"""Unit of depth files that nerfstudio assumes, and the largest level of 16 bits."""
_COVERED = 99
"""Percentile of depth that the unit must reach, for depth up to scale."""
_UNIT_FRAMES = 50


def write(scene: Scene, out: Path, settings: ExportSettings, advance: Callable[[int], None]) -> None:
    """Write all files into a folder; points and pixels of low confidence are left out.

    Raises:
        InputError: there is no cloud, or no depth.
    """
    unit = _depth_unit(scene)
    cloud = reliable_points(scene.cloud, settings)
    write_images(scene, out / "images", lambda _: None)
    frames = []
    for frame in scene.frames:
        stem, maps = f"{frame.number:06d}.png", scene.maps(frame)
        write_image(out / "depth" / stem, _levels(scene.full_depth(maps), unit))
        reliable = reliable_pixels(maps, scene.size, settings)
        write_image(out / "masks" / stem, np.where(reliable, 255, 0).astype(np.uint8))
        pose = Z_UP_FROM_OURS @ frame.world_from_camera @ OPENGL_FROM_OURS
        frames.append(
            {
                "file_path": f"images/{image_name(scene, frame)}",
                "depth_file_path": f"depth/{stem}",
                "mask_path": f"masks/{stem}",
                "transform_matrix": pose.tolist(),
            }
        )
        advance(1)
    write_ply(out / "cloud.ply", moved(Z_UP_FROM_OURS, cloud.xyz), cloud.rgb)
    height, width = scene.size
    scale = np.array([width, height])
    (fx, fy), (cx, cy) = ((value.double().numpy() * scale).tolist() for value in scene.camera)
    content = {
        "camera_model": "OPENCV",
        "w": width,
        "h": height,
        "fl_x": fx,
        "fl_y": fy,
        "cx": cx,
        "cy": cy,
        "depth_unit_scale_factor": unit,
        "applied_transform": Z_UP_FROM_OURS[:3].tolist(),
        "ply_file_path": "cloud.ply",
        "frames": frames,
    }
    write_text(out / "transforms.json", json.dumps(content, indent=1) + "\n")


def _depth_unit(scene: Scene) -> float:
    """Return the scene's lengths per level of the depth files.

    It is nerfstudio's default where depth is in metres. Depth up to scale takes the smallest power of ten that reaches
    nearly all depth.
    """
    if scene.metric:
        return _DEFAULT_UNIT
    far = max(float(np.percentile(scene.maps(frame).depth, _COVERED)) for frame in scene.some(_UNIT_FRAMES))
    return float(10.0 ** np.ceil(np.log10(far / _MOST_LEVEL)))


def _levels(depth: Float32[np.ndarray, "h w"], unit: float) -> np.ndarray:
    """Return 16-bit levels; 0, which means unknown, where depth is too large for them."""
    levels = np.rint(depth.astype(np.float64) / unit)
    return np.where(levels <= _MOST_LEVEL, levels, 0).astype(np.uint16)
