import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from egodepth.cli import main
from egodepth.foundation.errors import InputError
from egodepth.foundation.ply_files import read_ply, write_ply
from egodepth.foundation.trajectory_files import read_kitti_poses
from egodepth.sfm.clip_map import ClipMap
from egodepth.video.scene.scene import Scene, SceneMaps
from egodepth.video.scene.settings import ExportSettings
from egodepth.video.scene.tracked_points import TrackedPoints, points_of_row
from egodepth.video.scene.trust import reliable_points
from hints.map_scenes import map_of


@pytest.fixture
def copy(scene_folder: Path, tmp_path: Path) -> Path:
    """The whole output of the command, to break."""
    shutil.copytree(scene_folder.parent, tmp_path / "out")
    return tmp_path / "out" / "ride"


def refused(capsys, folder: Path, *words: str) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["scene", str(folder), "--format", "colmap", "--out", str(folder.parent / "made"), *words])
    assert ended.value.code == 2
    assert not (folder.parent / "made").exists()
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_scene_holds_what_the_command_wrote(scene_folder: Path):
    scene = Scene.open(scene_folder)
    np.testing.assert_allclose(scene.world_from_camera, read_kitti_poses(scene_folder / "trajectory.txt"), atol=1e-6)
    assert (scene.name, scene.metric, scene.size) == ("ride", False, scene.image(scene.frames[0]).shape[:2])
    maps = scene.maps(scene.frames[3])
    with np.load(scene_folder / "depth" / "000003.npz") as arrays:
        np.testing.assert_array_equal(maps.depth, arrays["depth"])
    assert len(scene.cloud.xyz) == len(read_ply(scene_folder / "cloud.ply"))


def test_tracked_points_are_before_the_frames_that_see_them_where_they_see_them(scene_folder: Path):
    scene = Scene.open(scene_folder)
    points = scene.points
    assert points is not None
    frame, point = points.observations.T
    poses = scene.world_from_camera[frame]
    local = np.einsum("nji,nj->ni", poses[:, :3, :3], points.xyz[point] - poses[:, :3, 3])
    assert (local[:, 2] > 0).all()
    np.testing.assert_allclose(local[:, :2] / local[:, 2:], points.rays, atol=1e-5)
    assert points.held_out.mean() == pytest.approx(0.1, abs=0.01)


def test_the_output_folder_of_one_clip_is_enough(scene_folder: Path):
    assert Scene.open(scene_folder.parent).folder == scene_folder


def test_of_several_clips_one_must_be_named(copy: Path):
    shutil.copytree(copy, copy.parent / "walk")
    with pytest.raises(InputError, match=r"several clips; give one of .*ride, .*walk"):
        Scene.open(copy.parent)


def test_a_moved_output_folder_is_still_a_scene(copy: Path, tmp_path: Path):
    shutil.move(copy.parent, tmp_path / "elsewhere")
    assert len(Scene.open(tmp_path / "elsewhere").frames) == 14


def test_broken_scenes_are_one_line(copy: Path, capsys):
    whole = (copy / "scene.json").read_text()
    (copy.parent / "frames" / "ride").rename(copy.parent / "frames" / "gone")
    assert "the frames of this scene are gone" in refused(capsys, copy)
    (copy.parent / "frames" / "gone").rename(copy.parent / "frames" / "ride")
    frame = sorted((copy.parent / "frames" / "ride").glob("*.jpg"))[4]
    frame.rename(copy.parent / "kept.jpg")
    assert "frame 4 of this scene is gone" in refused(capsys, copy)
    (copy.parent / "kept.jpg").rename(frame)
    assert "has rows 1 to 1, no row 2" in refused(capsys, copy, "--row", "2")
    (copy / "points.npz").write_bytes(b"PK")
    assert "points.npz: damaged or missing" in refused(capsys, copy)
    for text in ("[]", "{}", '{"format": "x"}', whole.replace('"rows"', '"row"'), whole[: len(whole) // 2]):
        (copy / "scene.json").write_text(text)
        assert "egodepth video again" in refused(capsys, copy)
    (copy / "scene.json").unlink()
    assert "has no scene.json" in refused(capsys, copy)
    assert "is no folder" in refused(capsys, copy / "not")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("world_from_camera", np.zeros((4, 4)).tolist()),
        ("world_from_camera", (2 * np.eye(4)).tolist()),
        ("world_from_camera", np.diag([1.0, 1, -1, 1]).tolist()),
        ("world_from_camera", [[1e300] * 4] * 4),
        ("world_from_camera", [[1.0]]),
        ("depth", "/etc/passwd"),
        ("depth", "../../../elsewhere.npz"),
    ],
)
def test_a_frame_that_cannot_be_is_refused(copy: Path, name: str, value: object):
    content = json.loads((copy / "scene.json").read_text())
    content["rows"][0]["frames"][3][name] = value
    (copy / "scene.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match="not a scene of egodepth video"):
        Scene.open(copy)


def test_images_of_another_folder_are_not_taken(copy: Path, tmp_path: Path):
    shutil.copytree(copy.parent / "frames" / "ride", tmp_path / "private")
    text = (copy / "scene.json").read_text()
    (copy / "scene.json").write_text(text.replace('"../frames/ride"', json.dumps(str(tmp_path / "private"))))
    with pytest.raises(InputError, match="lies outside of the folder"):
        Scene.open(copy)


@pytest.mark.parametrize("value", [np.nan, 0.0, -1.0, np.inf])
def test_depth_that_is_none_is_refused(copy: Path, value: float):
    file = copy / "depth" / "000003.npz"
    with np.load(file) as arrays:
        changed = dict(arrays)
    changed["depth"][2, 2] = value
    np.savez(file, **changed)
    scene = Scene.open(copy)
    with pytest.raises(InputError, match="not all of its values are depth"):
        scene.maps(scene.frames[3])


def test_maps_without_pixels_and_pipes_are_refused(copy: Path):
    scene = Scene.open(copy)
    np.savez(copy / "depth" / "000003.npz", **dict.fromkeys(SceneMaps._fields, np.zeros((0, 4), np.float32)))
    with pytest.raises(InputError, match="are empty"):
        scene.maps(scene.frames[3])
    for path in (copy / "depth" / "000003.npz", copy / "cloud.ply"):
        path.unlink()
        os.mkfifo(path)
    with pytest.raises(InputError, match="cannot be read"):
        scene.maps(scene.frames[3])
    with pytest.raises(InputError, match="not a point cloud"):
        _ = scene.cloud


def test_settings_without_effect_are_one_line(scene_folder: Path, tmp_path: Path, capsys):
    for words in ("exr --mesh", "exr --min-confidence .5", "colmap --max-error .1", "glb --max-error .1"):
        form, *more = words.split()
        with pytest.raises(SystemExit) as ended:
            main(["scene", str(scene_folder), "--format", form, "--out", str(tmp_path / "made"), *more])
        assert ended.value.code == 2
        assert f"has no effect on {form}" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_depth_that_is_gone_is_one_line(copy: Path, capsys):
    (copy / "depth" / "000002.npz").unlink()
    with pytest.raises(SystemExit):
        main(["scene", str(copy), "--format", "exr", "--out", str(copy / "made")])
    (line,) = capsys.readouterr().err.splitlines()
    assert "000002.npz: the depth of this scene is gone" in line
    assert not (copy / "made").exists()


def test_a_cloud_of_no_points_and_limits_that_leave_none_are_one_line(copy: Path, capsys):
    scene = Scene.open(copy)
    with pytest.raises(InputError, match="lower --min-confidence"):
        reliable_points(scene.cloud, ExportSettings(min_confidence=1.0))
    empty = np.zeros((0, 3), np.float32)
    none = np.zeros(0, np.float32)
    write_ply(copy / "cloud.ply", empty, empty.astype(np.uint8), confidence=none, frames=none.astype(np.int32))
    with pytest.raises(InputError, match="a cloud of no points"):
        _ = Scene.open(copy).cloud
    (copy / "cloud.ply").write_text("ply\nformat ascii 1.0\n")
    with pytest.raises(InputError, match="not a point cloud of egodepth"):
        _ = Scene.open(copy).cloud


def test_a_folder_that_holds_something_is_not_written_into(scene_folder: Path, tmp_path: Path, capsys):
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "mine.txt").write_text("mine")
    with pytest.raises(SystemExit):
        main(["scene", str(scene_folder), "--format", "glb", "--out", str(tmp_path / "made")])
    assert "holds something already" in capsys.readouterr().err
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["mine.txt"]


def walk() -> tuple[ClipMap, np.ndarray]:
    """Five frames that walk along x past 20 points, and their poses in another world, twice as large."""
    rng = np.random.default_rng(0)
    xyz = rng.uniform((-1, -1, 4), (1, 1, 6), (20, 3))
    clip_map = map_of(xyz.tolist(), frames=5)
    poses = np.tile(np.eye(4), (5, 1, 1))
    poses[:, 0, 3] = 0.1 * np.arange(5)
    frame, point = clip_map.points.observations.T
    seen = clip_map.points.xyz[point] - poses[frame, :3, 3]
    points = replace(clip_map.points, rays=(seen[:, :2] / seen[:, 2:]).astype(np.float32))
    world = poses.copy()
    world[:, :3, 3] *= 2
    return replace(clip_map, world_from_camera=poses, points=points), world


def test_points_move_with_the_poses_into_the_unit_of_the_depth():
    clip_map, world = walk()
    points = points_of_row(clip_map, list(range(5)), np.full(5, 2.0), world)
    assert points is not None
    np.testing.assert_allclose(points.xyz, 2 * clip_map.points.xyz, atol=1e-9)
    np.testing.assert_array_equal(points.observations, clip_map.points.observations)


def test_a_point_keeps_the_sightings_of_the_stretch_that_sees_it_most():
    clip_map, world = walk()
    world[3:, 1, 3] += 7  # the pose network joined the stretches wrongly
    units = np.array([2.0, 2.0, 2.0, np.nan, 2.0])
    points = points_of_row(clip_map, list(range(5)), units, world)
    assert points is not None
    assert set(points.observations[:, 0].tolist()) == {0, 1, 2}
    np.testing.assert_allclose(points.xyz, 2 * clip_map.points.xyz, atol=1e-9)


def test_without_observed_positions_there_are_no_tracks():
    clip_map, world = walk()
    unknown = replace(clip_map.points, rays=np.full_like(clip_map.points.rays, np.nan))
    assert points_of_row(replace(clip_map, points=unknown), list(range(5)), np.full(5, 2.0), world) is None


def test_points_that_name_frames_that_do_not_exist_are_refused(tmp_path: Path):
    clip_map, world = walk()
    points = points_of_row(clip_map, list(range(5)), np.full(5, 2.0), world)
    assert points is not None
    points.save(tmp_path / "points.npz")
    assert len(TrackedPoints.load(tmp_path / "points.npz", 5).xyz) == 20
    with pytest.raises(InputError, match="frames or points that do not exist"):
        TrackedPoints.load(tmp_path / "points.npz", 4)
    damages = {
        "rays": points.rays[:-1],
        "rgb": points.rgb[:-1],
        "xyz": points.xyz[:, :2],
        "held_out": points.held_out.astype(np.float32),
        "observations": points.observations[::-1],
    }
    for name, array in (*damages.items(), ("xyz", np.nan * points.xyz), ("observations", 1.0 * points.observations)):
        np.savez(tmp_path / "points.npz", **(vars(points) | {name: array}))
        with pytest.raises(InputError, match="damaged or missing"):
            TrackedPoints.load(tmp_path / "points.npz", 5)


def test_scene_json_is_readable_by_itself(scene_folder: Path):
    content = json.loads((scene_folder / "scene.json").read_text())
    assert content["axes"].startswith("world_from_camera; x right, y down, z forward")
    assert (scene_folder / content["images"]).is_dir()
    (row,) = content["rows"]
    for frame in row["frames"]:
        assert (scene_folder / frame["depth"]).is_file()
