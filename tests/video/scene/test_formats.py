"""Every format, read back by somebody else's library, and compared with the scene."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pycolmap
import pytest
import rerun
import trimesh
from PIL import Image
from pygltflib import GLTF2

from benchmarks.scene_formats import ALL, READERS, difference, pixels_of
from egodepth.cli import main
from egodepth.data.images import read_rgb
from egodepth.foundation.errors import InputError
from egodepth.video.scene.exporting import export_scene
from egodepth.video.scene.formats import nerfstudio
from egodepth.video.scene.scene import Scene, SceneMaps
from egodepth.video.scene.settings import FORMATS, ExportSettings
from egodepth.video.scene.trust import reliable_pixels

CLOSE = 1e-5


def exported(scene: Scene, form: str, out: Path, settings: ExportSettings = ALL) -> Path:
    export_scene(scene, form, out / form, settings)
    return out / form


@pytest.mark.parametrize("form", READERS)
def test_another_reader_finds_every_pixel_and_every_point_where_it_is(scene: Scene, form: str, tmp_path: Path):
    found = difference(scene, form, tmp_path)
    assert found.pixels < CLOSE
    assert found.points is None or found.points < CLOSE


def test_every_format_has_a_reader():
    assert set(FORMATS) - {"rerun"} == set(READERS)


def test_colmap_reads_one_camera_and_every_track(scene: Scene, tmp_path: Path):
    out = exported(scene, "colmap", tmp_path)
    model = pycolmap.Reconstruction(out / "sparse" / "0")
    assert (model.num_cameras(), model.num_reg_images()) == (1, len(scene.frames))
    points = scene.points
    assert points is not None
    assert len(points.xyz) > 200
    tracks = np.bincount(points.observations[:, 1])
    assert [model.points3D[number].track.length() for number in sorted(model.points3D)] == tracks.tolist()
    # The map's points are projected to where they were seen.
    assert model.compute_mean_reprojection_error() < 1e-3
    for place, frame in enumerate(scene.frames):
        np.testing.assert_array_equal(read_rgb(out / "images" / model.images[place + 1].name), scene.image(frame))


def test_colmap_triangulates_the_same_points_from_the_observations(scene: Scene, tmp_path: Path):
    model = pycolmap.Reconstruction(exported(scene, "colmap", tmp_path) / "sparse" / "0")
    for number in list(model.points3D)[::40]:
        elements = model.points3D[number].track.elements
        images = [model.images[element.image_id] for element in elements]
        pixels = np.stack(
            [image.points2D[element.point2D_idx].xy for image, element in zip(images, elements, strict=True)]
        )
        rays = np.column_stack([model.cameras[1].cam_from_img(pixels), np.ones(len(pixels))])
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        poses = [image.cam_from_world().matrix() for image in images]
        found = pycolmap.triangulate_multi_view_point(poses, rays)
        np.testing.assert_allclose(found, model.points3D[number].xyz, rtol=1e-4)


def test_colmap_text_says_the_same_as_its_binary(scene: Scene, tmp_path: Path):
    out = exported(scene, "colmap", tmp_path)
    binary, text = pycolmap.Reconstruction(out / "sparse" / "0"), pycolmap.Reconstruction(out / "text")
    assert sorted(binary.points3D) == sorted(text.points3D)
    for number, point in binary.points3D.items():
        np.testing.assert_allclose(text.points3D[number].xyz, point.xyz, atol=CLOSE)
        assert text.points3D[number].track.length() == point.track.length()


def test_without_structure_from_motion_colmap_gets_the_fused_cloud(scene: Scene, tmp_path: Path):
    found = difference(replace(scene, points_file=None), "colmap", tmp_path)
    assert found.points is not None
    assert found.points < CLOSE


def test_nerfstudio_gets_the_colours_and_files_that_it_names(scene: Scene, tmp_path: Path):
    out = exported(scene, "nerfstudio", tmp_path)
    content = json.loads((out / "transforms.json").read_text())
    assert (content["h"], content["w"]) == scene.size
    assert len(content["frames"]) == len(scene.frames)
    for frame in content["frames"]:
        for name in ("file_path", "depth_file_path", "mask_path"):
            with Image.open(out / frame[name]) as image:
                assert image.size == scene.size[::-1]
    cloud = trimesh.load(out / content["ply_file_path"])
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
    with Image.open(out / "masks" / f"{scene.frames[3].number:06d}.png") as image:
        mask = np.array(image)
    assert set(np.unique(mask)) == {0, 255}
    assert 0.3 < (mask > 0).mean() < 0.7


def test_pixels_are_reliable_by_their_confidence_and_their_expected_error():
    rising = np.linspace(0, 0.8, 9, dtype=np.float32)[None]
    maps = SceneMaps(np.ones_like(rising), rising, 0.4 - 0.4 * rising)

    def kept(**limits: float) -> list[bool]:
        return reliable_pixels(maps, (1, 9), ExportSettings(**limits))[0].tolist()

    assert kept(min_confidence=0.55) == [False] * 6 + [True] * 3
    assert kept(min_confidence=0.0, max_error=0.13) == [False] * 7 + [True] * 2
    # By default at least half of a frame is kept.
    assert kept() == [False] * 4 + [True] * 5


def test_a_glb_camera_sees_every_pixel_where_it_is(scene: Scene, tmp_path: Path):
    tree = GLTF2().load(str(exported(scene, "glb", tmp_path) / "scene.glb"))
    cameras = [node for node in tree.nodes if node.camera is not None]
    assert [node.name for node in cameras] == [f"camera {frame.number:06d}" for frame in scene.frames]
    lens = tree.cameras[0].perspective
    for pixel in pixels_of(scene):
        camera_to_world = np.array(cameras[pixel.place].matrix).reshape(4, 4).T
        x, y, z, _ = np.linalg.inv(camera_to_world) @ [*(pixel.world * [1, -1, -1]), 1]
        assert z < 0  # glTF's cameras look along -z
        # The projection of glTF's specification; the axis of this camera goes through the image's centre.
        up, right = (axis / -z / np.tan(lens.yfov / 2) for axis in (y, x / lens.aspectRatio))
        expected = 2 * (pixel.column + 0.5) / scene.size[1] - 1, 1 - 2 * (pixel.row + 0.5) / scene.size[0]
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
    assert ((surface.face_normals * -surface.triangles_center).sum(1) > 0).mean() > 0.95


def test_exr_has_32_bit_depth_with_its_time_and_unit(scene: Scene, tmp_path: Path):
    out = exported(scene, "exr", tmp_path)
    assert len(list(out.iterdir())) == len(scene.frames)
    file = OpenEXR.File(str(out / f"{scene.frames[5].number:06d}.exr"))
    depth = file.channels()["Z"].pixels
    assert depth.dtype == np.float32
    np.testing.assert_array_equal(depth, scene.full_depth(scene.maps(scene.frames[5])))
    assert file.header()["seconds"] == pytest.approx(scene.frames[5].seconds, abs=1e-6)
    assert file.header()["unit"] == "units up to scale"


def test_rerun_opens_the_scene(scene: Scene, tmp_path: Path):
    path = exported(scene, "rerun", tmp_path) / "recording.rrd"
    found: dict[tuple[str, str], list] = {}
    for chunk in rerun.chunk.RrdReader(path).stream().to_chunks():
        batch = chunk.to_record_batch()
        for name in batch.schema.names:
            found.setdefault((chunk.entity_path, name), []).extend(batch.column(name).to_pylist())
    places = np.array(found["/world/camera", "Transform3D:translation"]).reshape(-1, 3)
    np.testing.assert_allclose(places, scene.world_from_camera[:, :3, 3], atol=CLOSE)
    turns = np.array(found["/world/camera", "Transform3D:mat3x3"]).reshape(-1, 3, 3)
    np.testing.assert_allclose(turns.transpose(0, 2, 1), scene.world_from_camera[:, :3, :3], atol=CLOSE)
    depth = np.frombuffer(bytes(found["/world/camera/depth", "DepthImage:buffer"][5][0]), np.float32)
    np.testing.assert_array_equal(depth, scene.maps(scene.frames[5]).depth.ravel())
    points = np.array(found["/world/cloud", "Points3D:positions"]).reshape(-1, 3)
    np.testing.assert_allclose(points, scene.cloud.xyz, rtol=CLOSE)


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


@pytest.mark.parametrize("form", FORMATS)
def test_the_command_writes_every_format_that_it_lists(scene_folder: Path, form: str, tmp_path: Path, capsys):
    words = ["scene", str(scene_folder.parent), "--format", form, "--out", str(tmp_path / form)]
    main([*words, "--min-confidence", "0"])
    assert f"{form}, 14 frames, units up to scale" in capsys.readouterr().out
    assert any((tmp_path / form).iterdir())
