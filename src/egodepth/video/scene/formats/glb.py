"""Write a scene as one GLB file: the coloured cloud, or meshes of some frames, and the cameras as nodes.

glTF's axes are x right, y up, z backwards, for the world and for its cameras. Its cameras have no principal point:
their axis goes through the centre of the image.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt8

from egodepth.data.images import resize_rgb
from egodepth.foundation.errors import require
from egodepth.foundation.libraries import optional_library
from egodepth.video.cloud.single_view import single_view
from egodepth.video.scene.formats.axes import OPENGL_FROM_OURS, moved
from egodepth.video.scene.scene import Scene, SceneFrame
from egodepth.video.scene.settings import ExportSettings
from egodepth.video.scene.trust import reliable_pixels, reliable_points

PACKAGES, EXTRA = ("trimesh",), "scene"
"""Packages that the format needs, and the extra of egodepth that installs them."""

FILE = "scene.glb"
_MESHES = 12
"""Number of frames that give a mesh, evenly spread: meshes of neighbouring frames lie on top of each other."""
_NEAR = 1e-2
"""Near plane of the cameras, as a share of the median depth; only renderers use it."""


def write(scene: Scene, out: Path, settings: ExportSettings, advance: Callable[[int], None]) -> None:
    """Write `scene.glb` into a folder.

    Args:
        scene: the scene.
        out: an existing folder.
        settings: which points and pixels are left out, and whether meshes take the place of the cloud.
        advance: callback, called with 1 for each frame.

    Raises:
        InputError: trimesh is missing, or there is nothing to write.
    """
    trimesh = optional_library("trimesh", "a GLB file", "scene")
    gltf = optional_library("trimesh.exchange.gltf", "a GLB file", "scene")
    world = trimesh.Scene()
    if settings.mesh:
        for frame in scene.some(_MESHES):
            vertices, faces, rgb = _mesh(scene, frame, settings)
            if len(faces):
                # Without processing, trimesh neither merges nor reorders vertices.
                surface = trimesh.Trimesh(vertices, faces, vertex_colors=rgb, process=False)
                world.add_geometry(surface, node_name=f"surface {frame.number:06d}")
        require(
            len(world.geometry) > 0,
            "no pixel is reliable enough for a mesh; ask for less: --min-confidence 0, --max-error inf",
        )
    else:
        cloud = reliable_points(scene.cloud, settings)
        points = trimesh.PointCloud(moved(OPENGL_FROM_OURS, cloud.xyz), colors=cloud.rgb)
        world.add_geometry(points, node_name="cloud")

    def add_cameras(tree: dict[str, Any]) -> None:
        _add_cameras(tree, scene)

    content = gltf.export_glb(world, include_normals=False, tree_postprocessor=add_cameras)
    (out / FILE).write_bytes(content)
    advance(len(scene.frames))


def _add_cameras(tree: dict[str, Any], scene: Scene) -> None:
    """Add a node with a camera for every frame to glTF's tree."""
    fx, fy = scene.camera.focal.tolist()
    median = float(np.median(scene.maps(scene.frames[0]).depth))
    lens = {"yfov": 2 * math.atan(0.5 / fy), "aspectRatio": fy / fx, "znear": _NEAR * median}
    tree["cameras"] = [{"name": scene.name, "type": "perspective", "perspective": lens}]
    (root,) = tree["scenes"][tree["scene"]]["nodes"][:1]
    children = tree["nodes"][root].setdefault("children", [])
    for frame in scene.frames:
        pose = OPENGL_FROM_OURS @ frame.world_from_camera @ OPENGL_FROM_OURS
        children.append(len(tree["nodes"]))
        # glTF's matrices are column by column.
        tree["nodes"].append({"name": f"camera {frame.number:06d}", "camera": 0, "matrix": pose.T.ravel().tolist()})


def _mesh(
    scene: Scene, frame: SceneFrame, settings: ExportSettings
) -> tuple[Float32[np.ndarray, "n 3"], Int64[np.ndarray, "m 3"], UInt8[np.ndarray, "n 3"]]:
    """Return vertices in glTF's axes, faces and colours of one frame, at the size of its depth map."""
    maps = scene.maps(frame)
    size = (maps.depth.shape[0], maps.depth.shape[1])
    local, kept = single_view(1 / maps.depth, scene.camera)
    pose = OPENGL_FROM_OURS @ frame.world_from_camera
    xyz = (local.astype(np.float64) @ pose[:3, :3].T + pose[:3, 3]).astype(np.float32)
    faces = _faces(kept & reliable_pixels(maps, size, settings))
    used = np.unique(faces)
    number = np.zeros(xyz.shape[0], np.int64)
    number[used] = np.arange(len(used))
    rgb = resize_rgb(scene.image(frame), size).reshape(-1, 3)
    return xyz[used], number[faces], rgb[used]


def _faces(kept: Bool[np.ndarray, "h w"]) -> Int64[np.ndarray, "m 3"]:
    """Return two triangles for every four neighbouring pixels that are kept, front side towards the camera."""
    index = np.arange(kept.size).reshape(kept.shape)
    whole = kept[:-1, :-1] & kept[1:, :-1] & kept[:-1, 1:] & kept[1:, 1:]
    a, b, c, d = (part[whole] for part in (index[:-1, :-1], index[:-1, 1:], index[1:, :-1], index[1:, 1:]))
    return np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
