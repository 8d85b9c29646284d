"""Read every format of a scene by somebody else's library, and compare its geometry with the scene.

`python -m benchmarks.scene_formats SCENE` prints the largest differences. They are those of the points of single
pixels, computed by the convention of each format, and of the points of the cloud, as a share of their distance from the
camera or the world's origin.
"""

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float64
from PIL import Image

from egodepth.data.media.frame_numbers import spread_places
from egodepth.video.scene.exporting import export_scene
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import ExportSettings

_FRAMES, _GRID = 20, (5, 7)
"""Number of frames that are compared, and rows and columns of pixels in each."""
ALL = ExportSettings(min_confidence=0.0)


class Pixel(NamedTuple):
    """A pixel of an image with its depth, and its point by the definitions of egodepth."""

    place: int
    row: int
    column: int
    depth: float
    world: Float64[np.ndarray, " 3"]


class Difference(NamedTuple):
    """Largest differences of a format, relative to the distance of the points."""

    reader: str
    pixels: float
    points: float | None
    """Points of the cloud, or of structure from motion; None where the format has none."""


def pixels_of(scene: Scene) -> Iterator[Pixel]:
    """Yield some pixels: their centres are at (column + .5) / width, and depth is along z."""
    height, width = scene.size
    focal, centre = scene.camera.focal.double().numpy(), scene.camera.centre.double().numpy()
    rows, columns = (np.linspace(0, side - 1, count).astype(int) for side, count in zip(scene.size, _GRID, strict=True))
    for place in spread_places(len(scene.frames), _FRAMES):
        frame = scene.frames[place]
        depths = scene.full_depth(scene.maps(frame)).astype(np.float64)
        for row in rows.tolist():
            for column in columns.tolist():
                xy = (np.array([(column + 0.5) / width, (row + 0.5) / height]) - centre) / focal
                depth = float(depths[row, column])
                local = depth * np.array([*xy, 1.0])
                pose = frame.world_from_camera
                yield Pixel(place, row, column, depth, pose[:3, :3] @ local + pose[:3, 3])


def colmap(scene: Scene, out: Path) -> Difference:
    """Compare with pycolmap's reader: rays through its camera, and points with their tracks."""
    import pycolmap

    model = pycolmap.Reconstruction(out / "sparse" / "0")
    camera = model.cameras[1]

    def point(pixel: Pixel) -> Any:
        x, y = np.ravel(np.asarray(camera.cam_from_img(np.array([[pixel.column + 0.5, pixel.row + 0.5]]))))
        pose = model.images[pixel.place + 1].cam_from_world().inverse()
        return pose * (pixel.depth * np.array([x, y, 1.0]))

    ours = scene.cloud.xyz if scene.points is None else scene.points.xyz
    found = np.stack([model.points3D[number].xyz for number in sorted(model.points3D)])
    return Difference(f"pycolmap {pycolmap.__version__}", _largest(scene, point), _relative(found, ours))


def nerfstudio(scene: Scene, out: Path) -> Difference:
    """Compare as nerfstudio's documentation reads the files: x right, y up, the camera looks along -z."""
    import trimesh

    content = json.loads((out / "transforms.json").read_text())
    ours = np.array(content["applied_transform"])[:, :3].T
    unit = content["depth_unit_scale_factor"]

    def point(pixel: Pixel) -> Any:
        frame = content["frames"][pixel.place]
        with Image.open(out / frame["depth_file_path"]) as levels:
            depth = unit * float(levels.getpixel((pixel.column, pixel.row)))  # pyright: ignore[reportArgumentType]
        # Depth has 16 bits: within half a level it must be the scene's. The rest is geometry.
        if depth and abs(depth - pixel.depth) > 0.5001 * unit:
            return np.full(3, np.inf)
        x = (pixel.column + 0.5 - content["cx"]) / content["fl_x"]
        y = -(pixel.row + 0.5 - content["cy"]) / content["fl_y"]
        local = [x * pixel.depth, y * pixel.depth, -pixel.depth, 1]
        return ours @ (np.array(frame["transform_matrix"]) @ local)[:3]

    cloud: Any = trimesh.load(out / content["ply_file_path"])
    points = _relative(cloud.vertices @ ours.T, scene.cloud.xyz)
    return Difference(f"its documentation, trimesh {trimesh.__version__}", _largest(scene, point), points)


def glb(scene: Scene, out: Path) -> Difference:
    """Compare with pygltflib's nodes by the specification of glTF, and with trimesh's points."""
    import trimesh
    from pygltflib import GLTF2

    tree: Any = GLTF2().load(str(out / "scene.glb"))
    poses = [np.array(node.matrix).reshape(4, 4).T for node in tree.nodes if node.camera is not None]
    # A camera of glTF has no principal point, so rays come from the scene's camera.
    focal, centre = scene.camera.focal.double().numpy(), scene.camera.centre.double().numpy()

    def point(pixel: Pixel) -> Any:
        uv = np.array([(pixel.column + 0.5) / scene.size[1], (pixel.row + 0.5) / scene.size[0]])
        x, y = (uv - centre) / focal
        return (poses[pixel.place] @ [x * pixel.depth, -y * pixel.depth, -pixel.depth, 1])[:3] * [1, -1, -1]

    (cloud,) = trimesh.load(out / "scene.glb").geometry.values()  # pyright: ignore[reportAttributeAccessIssue]
    points = _relative(cloud.vertices * [1, -1, -1], scene.cloud.xyz)
    return Difference(f"pygltflib, trimesh {trimesh.__version__}", _largest(scene, point), points)


def exr(scene: Scene, out: Path) -> Difference:
    """Compare with OpenEXR's reader: its pixels and the camera in its header."""
    import OpenEXR

    files = [OpenEXR.File(str(out / f"{frame.number:06d}.exr")) for frame in scene.frames]

    def point(pixel: Pixel) -> Any:
        header, depth = files[pixel.place].header(), files[pixel.place].channels()["Z"].pixels
        rays = np.linalg.inv(header["intrinsics"]) @ [pixel.column, pixel.row, 1]
        local = [*(float(depth[pixel.row, pixel.column]) * rays), 1]
        return (local @ np.linalg.inv(header["worldToCamera"].astype(np.float64)))[:3]

    return Difference(f"OpenEXR {OpenEXR.__version__}", _largest(scene, point), None)


def mcap(scene: Scene, out: Path) -> Difference:
    """Compare with the decoder of mcap-ros2-support: camera_info, transforms, depth, and the points of the cloud."""
    from mcap.reader import make_reader
    from mcap_ros2.decoder import DecoderFactory

    found: dict[str, list[Any]] = {}
    with (out / "scene.mcap").open("rb") as file:
        for _, channel, _, message in make_reader(file, decoder_factories=[DecoderFactory()]).iter_decoded_messages():
            found.setdefault(channel.topic, []).append(message)
    inverse = [np.linalg.inv(np.reshape(info.k, (3, 3))) for info in found["/camera/camera_info"]]
    (optical,) = (_transform(message) for message in found["/tf_static"])
    poses = [_transform(message) @ optical for message in found["/tf"]]
    for frame, message in zip(scene.frames, found["/camera/depth/image"], strict=True):
        depth = np.frombuffer(bytes(message.data), "<f4").reshape(message.height, message.width)
        if not np.array_equal(depth, scene.maps(frame).depth):
            return Difference("mcap-ros2-support", float("inf"), None)

    def point(pixel: Pixel) -> Any:
        local = pixel.depth * inverse[pixel.place] @ [pixel.column, pixel.row, 1]
        return _from_ros((poses[pixel.place] @ [*local, 1])[:3])

    rows = np.frombuffer(bytes(found["/cloud"][0].data), [("xyz", "<f4", 3), ("rgb", "<u4")])
    return Difference("mcap-ros2-support", _largest(scene, point), _relative(_from_ros(rows["xyz"]), scene.cloud.xyz))


def _from_ros(xyz: Any) -> Any:
    """Return points of ROS's axes (x forward, y left, z up) as x right, y down, z forward."""
    return np.stack([-xyz[..., 1], -xyz[..., 2], xyz[..., 0]], -1)


def _transform(message: Any) -> Any:
    """Return the only transform of a message as a matrix."""
    (found,) = (each.transform for each in message.transforms)
    (x, y, z, w), position = (
        [getattr(part, name) for name in names]
        for part, names in ((found.rotation, "xyzw"), (found.translation, "xyz"))
    )
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    return np.block([[rotation, np.array(position)[:, None]], [np.zeros((1, 3)), np.ones((1, 1))]])


READERS: dict[str, Callable[[Scene, Path], Difference]] = {
    "colmap": colmap,
    "nerfstudio": nerfstudio,
    "glb": glb,
    "exr": exr,
    "mcap": mcap,
}


def difference(scene: Scene, form: str, folder: Path) -> Difference:
    """Write a scene in a format into a new folder, read it back, and compare."""
    export_scene(scene, form, folder / form, ALL)
    return READERS[form](scene, folder / form)


def _largest(scene: Scene, point: Callable[[Pixel], Any]) -> float:
    """Return the largest difference of a pixel's point, relative to its distance from the camera."""
    worst = 0.0
    for pixel in pixels_of(scene):
        here = scene.frames[pixel.place].world_from_camera[:3, 3]
        worst = max(worst, float(np.linalg.norm(point(pixel) - pixel.world) / np.linalg.norm(pixel.world - here)))
    return worst


def _relative(found: Any, expected: Any) -> float:
    """Return the largest difference of points, relative to their distance from the origin; infinite if they differ."""
    if np.shape(found) != np.shape(expected):
        return float("inf")
    distance = np.linalg.norm(np.asarray(expected, np.float64), axis=1)
    return float((np.linalg.norm(np.asarray(found, np.float64) - expected, axis=1) / distance).max())


def main() -> None:
    """Print a table, as Markdown."""
    scene = Scene.open(Path(sys.argv[1]))
    print("| format | read by | pixels | points |\n|---|---|---|---|")
    with TemporaryDirectory() as folder:
        for form in READERS:
            found = difference(scene, form, Path(folder))
            points = "" if found.points is None else f"{found.points:.1e}"
            print(f"| {form} | {found.reader} | {found.pixels:.1e} | {points} |")


if __name__ == "__main__":
    main()
