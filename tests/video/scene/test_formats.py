"""Every format, read back by somebody else's library, and compared with the scene."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pycolmap
import pytest
import trimesh
from PIL import Image
from pygltflib import GLTF2

from egodepth.cli import main
from egodepth.data.images import read_rgb
from egodepth.foundation.errors import InputError
from egodepth.video.scene.exporting import export_scene
from egodepth.video.scene.formats import nerfstudio
from egodepth.video.scene.scene import Scene
from egodepth.video.scene.settings import FORMATS, ExportSettings

ALL = ExportSettings(min_confidence=0.0)
CLOSE = 1e-5
PLACES = (0, 5, 13)
PIXELS = ((10, 20), (40, 100), (90, 3))
"""(row, column) of some pixels of the images."""


def exported(scene: Scene, form: str, out: Path, settings: ExportSettings = ALL) -> Path:
    export_scene(scene, form, out / form, settings)
    return out / form


def world_points(scene: Scene, place: int) -> np.ndarray:
    """The points of some pixels, from the definitions: pixel centres at (column + .5) / width, depth along z."""
    frame = scene.frames[place]
    depth = scene.full_depth(scene.maps(frame)).astype(np.float64)
    found = []
    for row, column in PIXELS:
        uv = np.array([(column + 0.5) / scene.size[1], (row + 0.5) / scene.size[0]])
        xy = (uv - scene.camera.centre.double().numpy()) / scene.camera.focal.double().numpy()
        found.append(frame.world_from_camera[:3, :3] @ (depth[row, column] * np.array([*xy, 1])))
    return np.stack(found) + frame.world_from_camera[:3, 3]


def test_colmap_reads_one_camera_the_poses_and_every_track(scene: Scene, tmp_path: Path):
    out = exported(scene, "colmap", tmp_path)
    model = pycolmap.Reconstruction(out / "sparse" / "0")
    assert (model.num_cameras(), model.num_reg_images()) == (1, len(scene.frames))
    points = scene.points
    assert points is not None
    assert len(model.points3D) == len(points.xyz) > 200
    for number, point in model.points3D.items():
        np.testing.assert_allclose(point.xyz, points.xyz[number - 1], atol=CLOSE)
        assert point.track.length() == (points.observations[:, 1] == number - 1).sum()
    for place in PLACES:
        frame, image = scene.frames[place], model.images[place + 1]
        np.testing.assert_allclose(image.cam_from_world().inverse().matrix(), frame.world_from_camera[:3], atol=CLOSE)
        # COLMAP's own projection of a pixel's point is the pixel: its first centre is (.5, .5).
        for xyz, (row, column) in zip(world_points(scene, place), PIXELS, strict=True):
            np.testing.assert_allclose(image.project_point(xyz), [column + 0.5, row + 0.5], atol=1e-3)
        np.testing.assert_array_equal(read_rgb(out / "images" / image.name), scene.image(frame))
    # The map's points are projected to where they were seen.
    assert model.compute_mean_reprojection_error() < 1e-3


def test_colmap_text_says_the_same_as_its_binary(scene: Scene, tmp_path: Path):
    out = exported(scene, "colmap", tmp_path)
    binary, text = pycolmap.Reconstruction(out / "sparse" / "0"), pycolmap.Reconstruction(out / "text")
    assert sorted(binary.points3D) == sorted(text.points3D)
    for number, point in binary.points3D.items():
        np.testing.assert_allclose(text.points3D[number].xyz, point.xyz, atol=CLOSE)
        assert text.points3D[number].track.length() == point.track.length()


def test_without_structure_from_motion_colmap_gets_the_fused_cloud(scene: Scene, tmp_path: Path):
    model = pycolmap.Reconstruction(exported(replace(scene, points_file=None), "colmap", tmp_path) / "sparse" / "0")
    found = np.stack([model.points3D[number].xyz for number in sorted(model.points3D)])
    np.testing.assert_allclose(found, scene.cloud.xyz, atol=CLOSE)


def test_nerfstudio_reads_pixels_where_they_are(scene: Scene, tmp_path: Path):
    out = exported(scene, "nerfstudio", tmp_path)
    content = json.loads((out / "transforms.json").read_text())
    assert (content["h"], content["w"]) == scene.size
    unit, ours = content["depth_unit_scale_factor"], np.array(content["applied_transform"])[:, :3].T
    for place in PLACES:
        frame = content["frames"][place]
        levels = np.array(Image.open(out / frame["depth_file_path"])).astype(np.float64)
        assert Image.open(out / frame["mask_path"]).size == scene.size[::-1]
        for expected, (row, column) in zip(world_points(scene, place), PIXELS, strict=True):
            # As nerfstudio's documentation has it: x right, y up, and the camera looks along -z.
            x = (column + 0.5 - content["cx"]) / content["fl_x"]
            y = -(row + 0.5 - content["cy"]) / content["fl_y"]
            depth = levels[row, column] * unit
            point = np.array(frame["transform_matrix"]) @ [x * depth, y * depth, -depth, 1]
            rounding = unit * np.linalg.norm([x, y, 1])
            np.testing.assert_allclose(ours @ point[:3], expected, atol=0.5 * rounding + CLOSE)
    cloud = trimesh.load(out / content["ply_file_path"])
    np.testing.assert_allclose(cloud.vertices @ ours.T, scene.cloud.xyz, atol=CLOSE * np.abs(scene.cloud.xyz).max())
    np.testing.assert_array_equal(np.asarray(cloud.visual.vertex_colors)[:, :3], scene.cloud.rgb)


def test_nerfstudio_gets_millimetres_where_depth_is_metric(scene: Scene, tmp_path: Path):
    metric = replace(scene, metric=True)
    content = json.loads((exported(metric, "nerfstudio", tmp_path) / "transforms.json").read_text())
    assert content["depth_unit_scale_factor"] == 1e-3  # what nerfstudio assumes


def test_depth_beyond_16_bits_is_unknown():
    levels = nerfstudio._levels(np.array([[1.0, 65.535, 70.0]], np.float32), 1e-3)
    assert levels.tolist() == [[1000, 65535, 0]]


def test_masks_leave_out_what_is_uncertain(scene: Scene, tmp_path: Path):
    confidence = scene.maps(scene.frames[3]).confidence
    limit = float(np.median(confidence))
    out = exported(scene, "nerfstudio", tmp_path, ExportSettings(min_confidence=limit))
    mask = np.array(Image.open(out / "masks" / f"{scene.frames[3].number:06d}.png"))
    assert set(np.unique(mask)) == {0, 255}
    assert 0.3 < (mask > 0).mean() < 0.7


def test_glb_has_the_cloud_and_a_node_for_every_camera(scene: Scene, tmp_path: Path):
    path = exported(scene, "glb", tmp_path) / "scene.glb"
    (cloud,) = trimesh.load(path).geometry.values()
    turned = scene.cloud.xyz * [1, -1, -1]
    np.testing.assert_allclose(cloud.vertices, turned, atol=CLOSE * np.abs(turned).max())
    tree = GLTF2().load(str(path))
    cameras = [node for node in tree.nodes if node.camera is not None]
    assert [node.name for node in cameras] == [f"camera {frame.number:06d}" for frame in scene.frames]
    lens = tree.cameras[0].perspective
    for place in PLACES:
        camera_to_world = np.array(cameras[place].matrix).reshape(4, 4).T
        for xyz, (row, column) in zip(world_points(scene, place), PIXELS, strict=True):
            x, y, z, _ = np.linalg.inv(camera_to_world) @ [xyz[0], -xyz[1], -xyz[2], 1]
            assert z < 0  # glTF's cameras look along -z
            # The projection matrix of glTF's specification, for an axis through the centre.
            up = -y / z / np.tan(lens.yfov / 2)
            right = -x / z / (lens.aspectRatio * np.tan(lens.yfov / 2))
            expected = 2 * (column + 0.5) / scene.size[1] - 1, 1 - 2 * (row + 0.5) / scene.size[0]
            np.testing.assert_allclose([right, up], expected, atol=1e-4)


def test_a_glb_mesh_lies_on_the_depth_and_is_cut_at_its_edges(scene: Scene, tmp_path: Path):
    path = exported(scene, "glb", tmp_path, ExportSettings(min_confidence=0.0, mesh=True)) / "scene.glb"
    meshes = trimesh.load(path).geometry
    assert len(meshes) == 12
    surface = next(iter(meshes.values()))
    depth = scene.maps(scene.frames[0]).depth
    np.testing.assert_allclose(-surface.vertices[:, 2].max(), depth.min(), rtol=0.05)
    assert len(surface.faces) < 2 * (depth.shape[0] - 1) * (depth.shape[1] - 1)
    # The front of every face is towards the camera.
    centres = surface.triangles_center
    assert ((surface.face_normals * -centres).sum(1) > 0).mean() > 0.95


def test_exr_has_the_depth_and_the_camera_in_its_header(scene: Scene, tmp_path: Path):
    out = exported(scene, "exr", tmp_path)
    assert len(list(out.iterdir())) == len(scene.frames)
    for place in PLACES:
        file = OpenEXR.File(str(out / f"{scene.frames[place].number:06d}.exr"))
        header, depth = file.header(), file.channels()["Z"].pixels
        assert depth.dtype == np.float32
        np.testing.assert_array_equal(depth, scene.full_depth(scene.maps(scene.frames[place])))
        for expected, (row, column) in zip(world_points(scene, place), PIXELS, strict=True):
            local = depth[row, column] * np.linalg.inv(header["intrinsics"]) @ [column, row, 1]
            point = [*local, 1] @ np.linalg.inv(header["worldToCamera"].astype(np.float64))
            np.testing.assert_allclose(point[:3], expected, atol=CLOSE * np.abs(expected).max())
        assert header["seconds"] == pytest.approx(scene.frames[place].seconds, abs=1e-6)
        assert header["unit"] == "units up to scale"


def test_rerun_opens_the_scene(scene: Scene, tmp_path: Path):
    path = exported(scene, "rerun", tmp_path) / "recording.rrd"
    assert path.read_bytes()[:4] == b"RRF2"
    assert path.stat().st_size > 100_000


@pytest.mark.parametrize("form", ["colmap", "nerfstudio", "glb", "exr"])
def test_what_is_half_written_is_not_left(scene: Scene, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def broken(*_: object) -> None:
        raise InputError("the disk is gone")

    monkeypatch.setattr(Scene, "image", broken)
    monkeypatch.setattr(Scene, "maps", broken)
    monkeypatch.setattr("egodepth.video.scene.formats.images.shutil.copyfile", broken)
    with pytest.raises(InputError, match="the disk is gone"):
        export_scene(scene, form, tmp_path / "out", ALL)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_every_format_that_it_lists(scene_folder: Path, tmp_path: Path, capsys):
    for form in FORMATS:
        main(
            [
                "scene",
                str(scene_folder.parent),
                "--format",
                form,
                "--out",
                str(tmp_path / form),
                "--min-confidence",
                "0",
            ]
        )
        assert f"{form}, 14 frames, units up to scale" in capsys.readouterr().out
        assert any((tmp_path / form).iterdir())
