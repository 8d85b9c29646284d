"""The parts of the viewer that need neither a server nor a browser."""

import threading
import time
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.video.cloud.point_cloud import Cloud
from egodepth.video.scene.scene import Scene
from egodepth.video.viewer.banded_points import bands_of, nearest_threshold, some_of
from egodepth.video.viewer.cameras_drawn import frustum_lines
from egodepth.video.viewer.depth_cloud import cloud_of_image
from egodepth.video.viewer.frame_time import frame_time
from egodepth.video.viewer.newest import Newest
from egodepth.video.viewer.scene_frames import ReliableFrames, SceneFrames, small
from egodepth.video.viewer.settings import ViewerSettings
from video.cloud.cloud_scenes import FOCAL_PX, SIZE, WALL, camera, pose_at, rays
from video.scene_files import depth_of, image_of, write_scene_folder


def test_of_requests_that_arrive_meanwhile_only_the_newest_is_served():
    served, settled, prepared = [], [], []
    entered, go_on = threading.Event(), threading.Event()

    def serve(value):
        served.append(value)
        entered.set()
        assert go_on.wait(10)

    newest = Newest(serve, settled.append, prepared.append)
    newest.pause_s = 0.001
    first = threading.Thread(target=newest.ask, args=(1,))
    first.start()
    assert entered.wait(10)
    for value in (2, 3, 4):
        newest.ask(value)  # returns at once
    go_on.set()
    first.join(10)
    assert (served, settled, prepared) == ([1, 4], [4], [4])
    newest.ask(5)
    assert (served, settled) == ([1, 4, 5], [4, 5])


def test_a_value_that_does_not_rest_settles_after_some_time_and_the_last_always(monkeypatch):
    monkeypatch.setattr("egodepth.video.viewer.newest.LONGEST_S", 0.05)
    served, settled, entered = [], [], threading.Event()

    def serve(value):
        served.append(value)
        entered.set()

    newest = Newest(serve, settled.append)
    newest.pause_s = 10.0
    worker = threading.Thread(target=newest.ask, args=(0,))
    worker.start()
    for value in range(1, 6):
        assert entered.wait(10)
        entered.clear()
        time.sleep(0.02)
        if value == 5:
            newest.pause_s = 0.001
        newest.ask(value)
    worker.join(10)
    assert served == [0, 1, 2, 3, 4, 5]
    assert 0 < len(settled) < 5
    assert settled[-1] == 5


def test_a_request_that_fails_does_not_block_the_next():
    served = []

    def serve(value):
        served.append(value)
        if value == 1:
            raise InputError("gone")

    newest = Newest(serve, lambda _: None)
    with pytest.raises(InputError):
        newest.ask(1)
    newest.ask(2)
    assert served == [1, 2]


def test_what_arrives_while_a_request_fails_is_served():
    served = []

    def serve(value):
        served.append(value)
        if value == 1:
            newest.ask(2)  # as another thread would meanwhile
            raise InputError("gone")

    newest = Newest(serve, lambda _: None)
    with pytest.raises(InputError):
        newest.ask(1)
    assert served == [1, 2]


def test_hidden_bands_are_exactly_the_points_below_the_threshold():
    generator = np.random.default_rng(1)
    confidence = generator.uniform(0.4, 1, 5000).astype(np.float32)
    confidence[:3] = 0.0, 1.0, np.float32(0.7)
    xyz = np.arange(15000, dtype=np.float32).reshape(-1, 3)
    rgb = generator.integers(0, 256, (5000, 3), np.uint8)
    bands = bands_of(Cloud(xyz, rgb, confidence, np.ones(5000, np.int32), 1.0), 10_000)
    for value in (0.0, 0.5, 0.7, 0.95, 1.0):
        least = nearest_threshold(value)
        shown = np.concatenate([band.xyz for band in bands if band.least >= least])
        assert sorted(shown[:, 0]) == sorted(xyz[confidence >= np.float32(least), 0])
    for band in bands:
        np.testing.assert_array_equal(band.rgb, rgb[(band.xyz[:, 0] / 3).astype(int)])


def test_points_are_drawn_at_random_and_the_same_each_time():
    chosen = some_of(1000, 100)
    assert len(np.unique(chosen)) == 100
    assert np.ptp(np.histogram(chosen, 4, (0, 1000))[0]) < 25
    np.testing.assert_array_equal(chosen, some_of(1000, 100))
    np.testing.assert_array_equal(some_of(7, 7), np.arange(7))


def test_a_drawn_camera_opens_towards_the_corners_of_its_image():
    pose = pose_at(x=3.0, z=5.0)
    pose[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]
    lens = Camera(torch.tensor([0.7, 1.4]), torch.tensor([0.4, 0.6]))
    lines = frustum_lines(pose[None], lens, 2.0)
    local = (lines.reshape(-1, 3) - pose[:3, 3]) @ pose[:3, :3]
    apex, corners = local[0], local[1:8:2]
    np.testing.assert_allclose(apex, 0, atol=1e-6)
    np.testing.assert_allclose(corners[:, 2], 2.0, atol=1e-6)
    seen = corners[:, :2] / corners[:, 2:] * [0.7, 1.4] + [0.4, 0.6]
    np.testing.assert_allclose(seen, [[0, 0], [1, 0], [1, 1], [0, 1]], atol=1e-6)


def test_the_cloud_of_an_image_lies_where_its_depth_says():
    depth = depth_of(0)
    fov_deg = float(np.degrees(2 * np.arctan(SIZE[1] / 2 / FOCAL_PX)))
    cloud = cloud_of_image(image_of(0), 1 / depth, fov_deg, 10**6)
    expected = np.stack([*(rays() * depth), depth], -1).reshape(-1, 3)
    assert len(cloud.xyz) > 0.9 * len(expected)
    distance = np.abs(cloud.xyz[:, None, :2] - expected[None, ::7, :2]).sum(-1).min(0)
    assert np.median(distance) < 1e-3
    assert cloud.xyz[:, 2].max() == pytest.approx(WALL, rel=1e-5)
    assert len(cloud_of_image(image_of(0), 1 / depth, fov_deg, 100).xyz) == 100
    assert camera().focal[0] == pytest.approx(0.5 / np.tan(np.radians(fov_deg) / 2))


def test_what_is_far_away_is_left_out():
    depth = np.full((20, 40), 2.0, np.float32)
    depth[:, 20:25] = 1000
    cloud = cloud_of_image(np.zeros((20, 40, 3), np.uint8), 1 / depth, 60.0, 10**6)
    assert 0 < len(cloud.xyz) < depth.size
    assert cloud.xyz[:, 2].max() < 8


def test_pixels_below_the_threshold_are_grey(tmp_path):
    frames = ReliableFrames(SceneFrames(Scene.open(write_scene_folder(tmp_path))))
    whole = frames.pictures(2)
    np.testing.assert_array_equal(whole.image, image_of(2))
    frames.min_confidence = 0.5
    image, depth = frames.pictures(2)
    half = SIZE[1] // 2
    np.testing.assert_array_equal(image, whole.image)
    assert (depth[:, :half] == 128).all()
    np.testing.assert_array_equal(depth[:, half:], whole.depth[:, half:])


def test_frames_beside_one_that_are_gone_are_no_error(tmp_path):
    clip = write_scene_folder(tmp_path)
    frames = ReliableFrames(SceneFrames(Scene.open(clip)))
    (clip / "depth" / "000004.npz").unlink()
    frames.prepare(3)
    with pytest.raises(InputError, match="is gone"):
        frames.pictures(4)


def test_pictures_are_reduced_to_the_panel_and_keep_their_shape():
    assert small(np.zeros((500, 1600, 3), np.uint8)).shape == (200, 640, 3)
    assert small(np.zeros((2, 5000, 3), np.uint8)).shape == (1, 640, 3)
    assert small(np.zeros((48, 96, 3), np.uint8)).shape == (48, 96, 3)


@pytest.mark.parametrize("wrong", [{"port": -1}, {"port": 65536}, {"points": 0}, {"upload_mb": 0}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(InputError, match=r"possible|at least"):
        ViewerSettings(**wrong)


class Storage:
    """A browser that answers a question at once, and the next after its frame."""

    def __init__(self, frame_s: float) -> None:
        self.frame_s, self.touched = frame_s, False

    def get_item(self, key: str, timeout: float) -> None:
        if not self.touched:
            time.sleep(self.frame_s)
        self.touched = False

    def touch(self) -> None:
        self.touched = True


def test_the_time_of_a_frame_is_that_of_the_second_answer():
    storage = Storage(0.05)
    assert 0.05 <= frame_time(SimpleNamespace(local_storage=storage), storage.touch) < 0.5


def test_a_browser_that_does_not_answer_counts_as_slow():
    def get_item(key, timeout):
        raise TimeoutError

    assert frame_time(SimpleNamespace(local_storage=SimpleNamespace(get_item=get_item)), lambda: None) > 1
