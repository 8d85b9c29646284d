from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from egodepth.foundation.errors import InputError
from egodepth.video.cloud.fusion import fuse
from egodepth.video.cloud.point_cloud import CloudFrame, write_cloud
from egodepth.video.cloud.settings import CloudSettings
from ply_reader import read_ply
from video.cloud.cloud_scenes import (
    BOX_HALF,
    BOX_NEAR,
    CAMERA_HEIGHT,
    SIZE,
    WALL,
    box_on,
    camera,
    frame_of,
    ground_and_wall,
    pose_at,
    sideways_drive,
)

ALL = CloudSettings(min_frames=1, voxel=0.1)


def off_the_surfaces(xyz: np.ndarray) -> np.ndarray:
    """Distance of points from the box's front and the wall, along the axis."""
    return np.minimum(np.abs(xyz[:, 2] - BOX_NEAR), np.abs(xyz[:, 2] - WALL))


def test_points_lie_on_the_box_and_on_the_wall_in_their_colours():
    cloud = fuse(sideways_drive(), camera(), ALL)
    assert off_the_surfaces(cloud.xyz).max() < 1e-3
    front = np.abs(cloud.xyz[:, 2] - BOX_NEAR) < 0.1
    assert np.abs(cloud.xyz[front, :2]).max() < BOX_HALF + 0.01
    cells = np.unique(np.floor(cloud.xyz[front, :2] / 0.3), axis=0)
    assert len(cells) >= 95  # of the 100 cells of the front
    assert (cloud.rgb[:, 1] == 200).all()
    assert cloud.confidence == pytest.approx(1)
    assert cloud.frames.max() >= 4


def test_flying_pixels_are_gone_and_come_back_without_the_removal():
    between = []
    for flying in (0.03, float("inf")):
        settings = CloudSettings(min_frames=1, voxel=0.1, agreeing=0, flying=flying)
        xyz = fuse(sideways_drive(smear=True), camera(), settings).xyz
        between.append(int((off_the_surfaces(xyz) > 1.5).sum()))
    assert between[1] > 500
    assert between[0] < 0.05 * between[1]


def test_a_road_at_a_grazing_angle_survives():
    frames = [frame_of(ground_and_wall(z), pose_at(z=z)) for z in np.arange(6) * 0.8]
    xyz = fuse(frames, camera(), ALL).xyz
    road = xyz[np.abs(xyz[:, 1] - CAMERA_HEIGHT) < 0.01]
    assert set(range(6, 18)) <= set(np.floor(road[:, 2]).astype(int))


def test_what_moves_is_removed_and_stays_without_the_comparison():
    def frames() -> Iterator[CloudFrame]:
        for number in range(7):
            x = 0.8 * number - 2
            depth = box_on(np.full(SIZE, WALL), x=x, box_x=0.8 * number - 2.4)
            # The box drives along with the camera, and away from it.
            depth[depth < WALL] += 1.5 * number
            yield frame_of(depth, pose_at(x=x))

    on_the_box = [
        int((fuse(frames(), camera(), CloudSettings(min_frames=1, voxel=0.1, agreeing=k)).xyz[:, 2] < WALL - 1).sum())
        for k in (2, 0)
    ]
    assert on_the_box[1] > 1000
    assert on_the_box[0] == 0


def test_depth_is_the_mean_of_the_views_that_agree():
    rng = np.random.default_rng(0)
    frames = [
        frame_of(np.full(SIZE, 10 * error), pose_at(x=0.5 * number))
        for number, error in enumerate(1 + 0.02 * rng.standard_normal(12))
    ]
    alone, together = (
        np.abs(fuse(frames, camera(), CloudSettings(min_frames=1, voxel=0.02, agreeing=k)).xyz[:, 2] - 10).mean()
        for k in (0, 2)
    )
    assert together < 0.6 * alone


def test_by_default_half_of_a_frame_is_kept_however_little_is_sure():
    confidence = np.full(SIZE, 0.1)
    confidence[:, : SIZE[1] // 2 - 1] = 0.05
    unsure = fuse([frame_of(np.full(SIZE, 10.0), pose_at(), confidence)], camera(), ALL).xyz
    assert unsure[:, 0].min() == pytest.approx(0, abs=0.5)
    assert len(unsure) > 0


def test_low_confidence_is_removed():
    confidence = np.ones(SIZE)
    confidence[:, : SIZE[1] // 2] = 0.4
    frames = [frame_of(np.full(SIZE, 10.0), pose_at(), confidence)]
    assert fuse(frames, camera(), ALL).xyz[:, 0].min() > 0
    kept = fuse(frames, camera(), CloudSettings(min_confidence=0.3))
    assert kept.xyz[:, 0].min() < -5
    assert kept.confidence.min() == pytest.approx(0.4)


def test_the_sky_is_removed_even_where_it_fills_half_of_the_image():
    depth = np.full(SIZE, 10.0)
    depth[: SIZE[0] // 2 + 4] = 90.0
    assert fuse([frame_of(depth, pose_at())], camera(), ALL).xyz[:, 2].max() == pytest.approx(10)
    everything = fuse([frame_of(depth, pose_at())], camera(), CloudSettings(far=float("inf"), voxel=0.1))
    assert everything.xyz[:, 2].max() == pytest.approx(90, rel=1e-4)


@pytest.mark.parametrize("nothing", [0.0, -1.0, np.nan, np.inf, -np.inf])
def test_what_is_no_depth_makes_no_point(nothing: float):
    depth = np.full(SIZE, 10.0)
    depth[10:20, 10:30] = nothing
    cloud = fuse([frame_of(depth, pose_at())], camera(), CloudSettings(voxel=0.01))
    assert len(cloud.xyz) == SIZE[0] * SIZE[1] - 200
    np.testing.assert_allclose(cloud.xyz[:, 2], 10, rtol=1e-5)


@pytest.mark.parametrize("extreme", [1e-30, 1e30, 3e38])
def test_depth_out_of_all_bounds_makes_no_point(extreme: float):
    frames = [frame_of(np.full(SIZE, 10.0), pose_at(x=x)) for x in range(3)]
    frames[1].depth[9, 9] = extreme
    cloud = fuse(frames, camera(), CloudSettings(far=float("inf"), voxel=0.1, min_frames=1, agreeing=0))
    np.testing.assert_allclose(cloud.xyz[:, 2], 10, rtol=1e-5)


@pytest.mark.parametrize("frames", [0, 1, 5])
def test_nothing_known_is_an_empty_cloud(tmp_path: Path, frames: int):
    cloud = fuse([frame_of(np.zeros(SIZE), pose_at(x=x)) for x in range(frames)], camera())
    assert cloud.xyz.shape == cloud.rgb.shape == (0, 3)
    write_cloud(tmp_path / "cloud.ply", cloud)
    assert len(read_ply(tmp_path / "cloud.ply")) == 0


def test_frames_without_any_depth_do_not_end_the_cloud():
    frames = sideways_drive()
    frames[2] = frames[2]._replace(depth=np.full(SIZE, np.nan, np.float32))
    assert len(fuse([frames[2], *frames], camera(), ALL).xyz) > 1000


def test_the_same_frames_make_the_same_cloud():
    first, second = (fuse(sideways_drive(smear=True), camera()) for _ in range(2))
    assert len(first.xyz) > 200
    assert all((one == other).all() for one, other in zip(first[:4], second[:4], strict=True))


def test_the_unit_of_the_depth_does_not_matter():
    def scaled(factor: float) -> Iterator[CloudFrame]:
        for frame in sideways_drive(smear=True):
            pose = frame.world_from_camera.copy()
            pose[:3, 3] *= factor
            yield frame._replace(depth=frame.depth * np.float32(factor), world_from_camera=pose)

    one, other = fuse(scaled(1), camera()), fuse(scaled(0.125), camera())
    np.testing.assert_allclose(other.xyz * 8, one.xyz, atol=1e-5)


def test_a_camera_that_stands_still_is_taken_once_and_frames_are_taken_one_by_one():
    taken = []

    def standing() -> Iterator[CloudFrame]:
        for number in range(50):
            taken.append(number)
            yield frame_of(np.full(SIZE, 10.0), pose_at(x=0.001 * number))

    cloud = fuse(standing(), camera())
    assert len(taken) == 50
    assert cloud.frames.max() == 1


def test_points_that_one_frame_saw_are_dropped_where_there_are_more():
    cloud = fuse(sideways_drive(), camera(), CloudSettings(voxel=0.1))
    everything = fuse(sideways_drive(), camera(), ALL)
    assert cloud.frames.min() == 2
    assert len(cloud.xyz) == (everything.frames >= 2).sum() < len(everything.xyz)


def test_a_cloud_read_back_is_the_cloud(tmp_path: Path):
    cloud = fuse(sideways_drive(), camera())
    write_cloud(tmp_path / "cloud.ply", cloud)
    rows = read_ply(tmp_path / "cloud.ply")
    assert rows.dtype.names == ("x", "y", "z", "red", "green", "blue", "confidence", "frames")
    assert (np.stack([rows[name] for name in "xyz"], 1) == cloud.xyz).all()
    assert (np.stack([rows[name] for name in ("red", "green", "blue")], 1) == cloud.rgb).all()
    assert (rows["confidence"] == cloud.confidence).all()
    assert (rows["frames"] == cloud.frames).all()


def test_frames_of_another_size_and_poses_that_are_none_are_named():
    good = frame_of(np.full(SIZE, 10.0), pose_at())
    small = CloudFrame(good.image[:8, :8], good.depth[:8, :8], good.confidence[:8, :8], pose_at(x=1))
    with pytest.raises(InputError, match=r"frame 1: \(8, 8\)"):
        fuse([good, small], camera())
    with pytest.raises(InputError, match="frame 1: its pose is not finite"):
        fuse([good, good._replace(world_from_camera=np.full((4, 4), np.nan))], camera())


@pytest.mark.parametrize(
    "wrong", [{"far": 0.0}, {"min_confidence": 2.0}, {"max_error": 0.0}, {"agreeing": 7}, {"voxel": 0.0}]
)
def test_settings_that_mean_nothing_are_refused(wrong: dict):
    with pytest.raises(InputError):
        CloudSettings(**wrong)
