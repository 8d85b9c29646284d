from pathlib import Path
from typing import Any

import numpy as np
import pytest

from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.sfm import reconstruct
from egodepth.sfm.clip_map import ClipMap
from egodepth.sfm.drive_map import contradiction, map_recording
from egodepth.sfm.mapping import Mapper
from egodepth.sfm.stages import Stages
from egodepth.sfm.structures import SfmSettings
from sfm_scenes import SIZE, WindingStreet, true_camera

pytest.importorskip("pycolmap")
FRAMES = 20
ONE_THREAD = SfmSettings(threads=1)


@pytest.fixture(scope="module")
def street() -> WindingStreet:
    return WindingStreet(6, FRAMES)


@pytest.fixture(scope="module")
def images(street: WindingStreet) -> list[np.ndarray]:
    return street.images(FRAMES)


def mapped(images: list[np.ndarray], numbers: list[int], work: Path, settings: SfmSettings = ONE_THREAD):
    shown = dict(zip(numbers, images, strict=True))
    return map_recording(shown.__getitem__, numbers, SIZE, true_camera(), work, settings, Stages())


@pytest.fixture(scope="module")
def with_gap(images: list[np.ndarray], tmp_path_factory: pytest.TempPathFactory) -> tuple[ClipMap, Path]:
    """The street with two frames that show nothing, and numbers that jump."""
    work = tmp_path_factory.mktemp("map") / "work"
    shown = [np.full_like(image, 90) if place in (7, 8) else image for place, image in enumerate(images)]
    numbers = [100 + 2 * place for place in range(FRAMES - 4)] + [900 + place for place in range(4)]
    clip_map = mapped(shown, numbers, work)
    assert clip_map is not None
    return clip_map, work


def test_every_frame_has_a_pose_and_the_way_is_the_true_one(with_gap: tuple[ClipMap, Path], street: WindingStreet):
    clip_map, _ = with_gap
    assert len(clip_map.frames) == FRAMES
    assert clip_map.part.tolist() == [0] * FRAMES
    assert np.flatnonzero(~clip_map.registered).tolist() == [7, 8]
    truth = np.stack([street.camera_pose(frame) for frame in range(FRAMES)])
    steps, true_steps = (
        np.linalg.norm(np.diff(poses[:, :3, 3], axis=0), axis=1) for poses in (clip_map.world_from_camera, truth)
    )
    np.testing.assert_allclose(steps / steps.mean(), true_steps / true_steps.mean(), rtol=0.1)
    turn, true_turn = (
        np.degrees(np.arctan2((np.linalg.inv(poses[0]) @ poses)[:, 0, 2], (np.linalg.inv(poses[0]) @ poses)[:, 2, 2]))
        for poses in (clip_map.world_from_camera, truth)
    )
    np.testing.assert_allclose(turn, true_turn, atol=0.5)


def test_points_lie_before_the_frames_that_see_them_where_they_were_seen(with_gap: tuple[ClipMap, Path]):
    clip_map, _ = with_gap
    points = clip_map.points
    assert points.track_length.min() >= 3
    assert points.error_px.max() <= 2
    for position in range(FRAMES):
        seen, local = clip_map.sightings(position)
        assert (len(seen) > 20) == bool(clip_map.registered[position])
        assert (local[:, 2] > 0).all()
        camera = true_camera()
        uv = local[:, :2] / local[:, 2:] * camera.focal.numpy() + camera.centre.numpy()
        assert ((uv > -0.02) & (uv < 1.02)).all()


def test_observations_lie_where_their_points_are_projected(with_gap: tuple[ClipMap, Path]):
    clip_map, _ = with_gap
    points = clip_map.points
    frame, point = points.observations.T
    poses = clip_map.world_from_camera[frame]
    local = np.einsum("nji,nj->ni", poses[:, :3, :3], points.xyz[point] - poses[:, :3, 3])
    focal_px = true_camera().focal[0].item() * SIZE[1]
    error = focal_px * np.linalg.norm(local[:, :2] / local[:, 2:] - points.rays, axis=1)
    mean = np.bincount(point, error) / points.track_length
    np.testing.assert_allclose(mean, points.error_px, rtol=1e-3, atol=1e-3)


def test_a_point_has_the_colour_that_the_frames_show(images: list[np.ndarray], with_gap: tuple[ClipMap, Path]):
    clip_map, _ = with_gap
    seen, local = clip_map.sightings(3)
    camera = true_camera()
    uv = local[:, :2] / local[:, 2:] * camera.focal.numpy() + camera.centre.numpy()
    x, y = np.clip(uv * SIZE[::-1], 0, (SIZE[1] - 1, SIZE[0] - 1)).astype(int).T
    difference = np.abs(clip_map.points.rgb[seen].astype(float) - images[3][y, x]).mean(1)
    assert np.median(difference) < 20


def test_the_true_camera_is_not_contradicted_and_a_wrong_one_is(tmp_path: Path):
    images = WindingStreet(6, 32).images(32)
    focal, centre = true_camera()
    for name, factor in (("right", 1.0), ("wrong", 1.4)):
        camera = Camera(focal * factor, centre)
        arguments = SIZE, camera, tmp_path / name
        assert map_recording(images.__getitem__, range(32), *arguments, ONE_THREAD, Stages()) is not None
        line = contradiction(camera, SIZE, tmp_path / name, "camera.json", Stages())
        if name == "right":
            assert line is None
        else:
            assert line is not None
            assert line.startswith(
                f"camera.json says {focal[0].item() * 1.4 * SIZE[1]:.0f} px, structure from motion 2"
            )
            assert "\n" not in line


def test_a_map_that_was_never_made_contradicts_nothing(tmp_path: Path):
    assert contradiction(true_camera(), SIZE, tmp_path, "camera.json", Stages()) is None


def test_the_map_is_the_same_with_more_threads_and_after_an_interruption(
    images: list[np.ndarray], with_gap: tuple[ClipMap, Path], tmp_path: Path
):
    once, again = tmp_path / "once", tmp_path / "again"
    first = mapped(images, list(range(FRAMES)), once)
    shown: list[int] = []

    def stops(frame: int) -> np.ndarray:
        shown.append(frame)
        if len(shown) > 17:
            raise InputError("the disk is gone")
        return images[frame]

    arguments = SIZE, true_camera(), again, SfmSettings(threads=3), Stages()
    with pytest.raises(InputError, match="the disk is gone"):
        map_recording(stops, range(FRAMES), *arguments)
    shown.clear()

    def reads(frame: int) -> np.ndarray:
        shown.append(frame)
        return images[frame]

    second = map_recording(reads, range(FRAMES), *arguments)
    assert shown.count(0) == 1  # for its colours; its features were there
    assert first is not None
    assert second is not None
    for number, clip_map in enumerate((first, second)):
        clip_map.save(tmp_path / f"{number}.npz")
    assert (tmp_path / "0.npz").read_bytes() == (tmp_path / "1.npz").read_bytes()


def test_two_streets_in_one_clip_are_two_parts(images: list[np.ndarray], tmp_path: Path):
    other = WindingStreet(11, 12).images(12)
    clip_map = mapped([*other, *images[:14]], list(range(26)), tmp_path)
    assert clip_map is not None
    assert clip_map.part.tolist() == [1] * 12 + [0] * 14
    frame, point = clip_map.points.observations.T
    np.testing.assert_array_equal(clip_map.part[frame], clip_map.part_of_point[point])
    largest = clip_map.largest_part()
    assert largest.frames.tolist() == list(range(12, 26))
    np.testing.assert_array_equal(largest.sightings(3)[1], clip_map.sightings(15)[1])


@pytest.mark.parametrize("frames", [0, 1, 6])
def test_frames_without_features_and_a_single_frame_have_no_map(frames: int, tmp_path: Path):
    plain = [np.full((*SIZE, 3), 90, np.uint8)] * frames
    assert mapped(plain, list(range(frames)), tmp_path) is None


def test_a_map_that_is_poor_is_begun_with_other_frames(
    images: list[np.ndarray], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(reconstruct, "_POOR_PX", 0.0)
    begun: list[tuple[int | None, int]] = []
    options_of = Mapper._mapper_options

    def seen(self: Mapper, frames: tuple[int, ...], begin: int | None) -> Any:
        options = options_of(self, frames, begin)
        begun.append((begin, options.init_image_id1))
        return options

    monkeypatch.setattr(Mapper, "_mapper_options", seen)
    clip_map = mapped(images, list(range(FRAMES)), tmp_path / "work")
    assert clip_map is not None
    assert clip_map.registered.all()
    assert [begin for begin, _ in begun] == [None, FRAMES // 2, FRAMES // 4, 3 * FRAMES // 4]
    assert [image for _, image in begun] == [-1, FRAMES // 2 + 1, FRAMES // 4 + 1, 3 * FRAMES // 4 + 1]


def test_a_camera_that_nobody_knows_is_found_first(images: list[np.ndarray], tmp_path: Path):
    clip_map = map_recording(images.__getitem__, range(12), SIZE, None, tmp_path, ONE_THREAD, Stages())
    assert clip_map is not None
    assert len(clip_map.frames) == 12
    assert clip_map.registered.all()


def test_a_folder_with_something_else_is_no_work_folder(images: list[np.ndarray], tmp_path: Path):
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(InputError, match="in the way of the work folder"):
        mapped(images, list(range(FRAMES)), tmp_path)
    assert (tmp_path / "precious.txt").read_text() == "mine"
