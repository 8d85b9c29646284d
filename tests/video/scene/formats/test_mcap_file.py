import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from PIL import Image
from rosbags.interfaces import ConnectionExtRosbag2, QosDurability, QosHistory, QosLiveliness, QosReliability, QosTime
from rosbags.rosbag2 import Reader

from egodepth.data.footage.source import open_footage
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera, backproject, transform_from_axis_angle
from egodepth.video.scene.formats import mcap_file
from egodepth.video.scene.formats.mcap_file import McapFrame, write_mcap

START_NS = 1_700_000_000_123_456_789
CAMERA = Camera(torch.tensor([0.9, 1.6]), torch.tensor([0.52, 0.47]))
SIZE, DEPTH_SIZE = (48, 80), (24, 40)
TO_ROS = {"x": (2, 1), "y": (0, -1), "z": (1, -1)}
"""Axes of ROS's map as (axis, sign) of the world: x forward, y left, z up."""


def frames(count: int = 3) -> Iterator[McapFrame]:
    rng = np.random.default_rng(0)
    for number in range(count):
        turn = torch.tensor([0.1, 0.4, -0.2], dtype=torch.float64) * number
        shift = torch.tensor([0.3, -0.1, 2.0], dtype=torch.float64) * number
        depth = rng.uniform(2, 40, DEPTH_SIZE).astype(np.float32)
        depth[0, :5] = 0
        image = np.asarray(Image.effect_noise(SIZE[::-1], 60).convert("RGB"))
        pose = transform_from_axis_angle(turn, shift).numpy()
        yield McapFrame(seconds=0.04 * number, image=image, depth=depth, world_from_camera=pose)


def messages(path: Path) -> dict[str, list[tuple[int, Any]]]:
    """All messages by topic, by a decoder that is not the writer's."""
    found: dict[str, list[tuple[int, Any]]] = {}
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True, decoder_factories=[DecoderFactory()])
        assert reader.get_header().profile == "ros2"
        for _, channel, message, decoded in reader.iter_decoded_messages():
            found.setdefault(channel.topic, []).append((message.log_time, decoded))
    return found


@pytest.fixture(scope="module")
def points() -> np.ndarray:
    return np.random.default_rng(1).normal(0, 20, (500, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def colours() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (500, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory, points: np.ndarray, colours: np.ndarray) -> Path:
    path = tmp_path_factory.mktemp("mcap") / "scene.mcap"
    write_mcap(path, CAMERA, frames(), points, colours, START_NS)
    return path


def ros_axes(xyz: np.ndarray) -> np.ndarray:
    return np.stack([sign * xyz[..., axis] for axis, sign in TO_ROS.values()], -1)


def matrix(position: Any, turn: Any) -> np.ndarray:
    x, y, z, w = turn.x, turn.y, turn.z, turn.w
    pose = np.eye(4)
    pose[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    pose[:3, 3] = position.x, position.y, position.z
    return pose


def transform(message: Any, parent: str, child: str) -> np.ndarray:
    (found,) = message.transforms
    assert (found.header.frame_id, found.child_frame_id) == (parent, child)
    return matrix(found.transform.translation, found.transform.rotation)


def depth_of(message: Any) -> np.ndarray:
    assert (message.encoding, message.step, message.is_bigendian) == ("32FC1", 4 * message.width, 0)
    return np.frombuffer(bytes(message.data), "<f4").reshape(message.height, message.width)


def test_every_frame_has_all_its_messages_at_its_time(path: Path) -> None:
    found = messages(path)
    each = {"/tf", "/camera/pose", "/camera/image/compressed", "/camera/camera_info", "/camera/depth/image"}
    each |= {"/camera/depth/camera_info"}
    assert set(found) == each | {"/tf_static", "/cloud", "/camera/trajectory"}
    times = [START_NS + number * 40_000_000 for number in range(3)]
    for topic in each - {"/tf"}:
        assert [time for time, _ in found[topic]] == times
        stamps = [message.header.stamp for _, message in found[topic]]
        assert [stamp.sec * 10**9 + stamp.nanosec for stamp in stamps] == times
    assert [time for time, _ in found["/tf"]] == times
    assert [[time for time, _ in found[topic]] for topic in ("/tf_static", "/cloud", "/camera/trajectory")] == [
        [START_NS]
    ] * 3
    for topic in each - {"/tf", "/camera/pose"}:
        assert {message.header.frame_id for _, message in found[topic]} == {"camera_optical_frame"}


def test_a_pixel_of_depth_lands_by_k_and_tf_on_its_point_in_the_world(path: Path) -> None:
    found = messages(path)
    body_from_optical = transform(found["/tf_static"][0][1], "camera_link", "camera_optical_frame")
    for number, frame in enumerate(frames()):
        depth, info = depth_of(found["/camera/depth/image"][number][1]), found["/camera/depth/camera_info"][number][1]
        assert (info.height, info.width) == depth.shape == DEPTH_SIZE
        rows, columns = np.nonzero(frame.depth)
        pixels = np.stack([columns, rows, np.ones_like(rows)]).astype(float)
        z = depth[rows, columns]
        optical = np.linalg.inv(np.reshape(info.k, (3, 3))) @ pixels * z
        map_from_optical = transform(found["/tf"][number][1], "map", "camera_link") @ body_from_optical
        in_map = map_from_optical[:3, :3] @ optical + map_from_optical[:3, 3:]
        camera = Camera(CAMERA.focal[None].double(), CAMERA.centre[None].double())
        own = backproject(torch.from_numpy(frame.depth)[None].double(), camera)[0].numpy()[:, rows, columns]
        world = frame.world_from_camera[:3, :3] @ own + frame.world_from_camera[:3, 3:]
        np.testing.assert_allclose(in_map.T, ros_axes(world.T), atol=1e-5)
        assert np.isnan(depth[0, :5]).all()
        assert np.isfinite(depth[rows, columns]).all()


def test_poses_and_the_path_are_those_of_a_camera_that_looks_along_x(path: Path) -> None:
    found = messages(path)
    poses = [message for _, message in found["/camera/pose"]]
    way = found["/camera/trajectory"][0][1]
    assert way.header.frame_id == "map"
    for frame, pose, step in zip(frames(), poses, way.poses, strict=True):
        assert pose.header.frame_id == step.header.frame_id == "map"
        assert (pose.header.stamp.sec, pose.header.stamp.nanosec) == (step.header.stamp.sec, step.header.stamp.nanosec)
        for each in (pose, step):
            map_from_body = matrix(each.pose.position, each.pose.orientation)
            np.testing.assert_allclose(map_from_body[:3, 3], ros_axes(frame.world_from_camera[:3, 3]), atol=1e-9)
            right, down, forward = (ros_axes(axis) for axis in frame.world_from_camera[:3, :3].T)
            np.testing.assert_allclose(map_from_body[:3, :3].T, [forward, -right, -down], atol=1e-9)


def test_the_first_camera_stands_upright_in_the_map(path: Path) -> None:
    first = messages(path)["/camera/pose"][0][1].pose
    assert (first.orientation.w, first.position.x) == (pytest.approx(1), pytest.approx(0))


def test_the_camera_of_the_images_has_ros_pixel_centres(path: Path) -> None:
    info = messages(path)["/camera/camera_info"][0][1]
    assert (info.height, info.width) == SIZE
    # The image's left edge is at -0.5 in ROS, and at 0 in shares of the width.
    expected = [0.9 * 80, 0, 0.52 * 80 - 0.5, 0, 1.6 * 48, 0.47 * 48 - 0.5, 0, 0, 1]
    assert list(info.k) == pytest.approx(expected, abs=1e-5)
    assert np.reshape(info.p, (3, 4))[:, :3].reshape(-1).tolist() == pytest.approx(expected, abs=1e-5)
    assert (info.distortion_model, list(info.d), list(info.r)) == ("plumb_bob", [0] * 5, list(np.eye(3).reshape(-1)))


def test_the_images_are_jpegs_of_the_frames(path: Path) -> None:
    for (_, message), frame in zip(messages(path)["/camera/image/compressed"], frames(), strict=True):
        assert message.format == "jpeg"
        shown = np.asarray(Image.open(io.BytesIO(bytes(message.data))))
        assert shown.shape == frame.image.shape
    footage = open_footage(path, "/camera/image/compressed")
    stated = footage.camera()
    assert stated
    torch.testing.assert_close(stated.camera, CAMERA)
    assert stated.lens is None


def test_frames_come_back_in_order_though_the_last_chunk_begins_with_the_first_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mcap_file, "_CHUNK_BYTES", 45_000)
    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)
    path = tmp_path / "scene.mcap"
    write_mcap(path, CAMERA, frames(20), *nothing, START_NS)
    with path.open("rb") as file:
        first, *_, last = make_reader(file).get_summary().chunk_indexes
    assert first.message_start_time == last.message_start_time
    assert first.message_index_offsets.keys() & last.message_index_offsets.keys()  # it has images, too
    pictures = list(open_footage(path, "/camera/image/compressed").pictures())
    assert [round(picture.seconds, 6) for picture in pictures] == [round(0.04 * number, 6) for number in range(20)]
    written = [message for _, message in messages(path)["/camera/image/compressed"]]
    by_time = sorted(written, key=lambda message: (message.header.stamp.sec, message.header.stamp.nanosec))
    for picture, message in zip(pictures, by_time, strict=True):
        np.testing.assert_array_equal(picture.image, np.asarray(Image.open(io.BytesIO(bytes(message.data)))))


def test_the_cloud_has_the_points_in_the_axes_of_the_map_and_their_colours(
    path: Path, points: np.ndarray, colours: np.ndarray
) -> None:
    cloud = messages(path)["/cloud"][0][1]
    assert (cloud.header.frame_id, cloud.height, cloud.width, cloud.is_dense) == ("map", 1, 500, True)
    assert [(field.name, field.offset, field.datatype, field.count) for field in cloud.fields] == [
        ("x", 0, 7, 1),
        ("y", 4, 7, 1),
        ("z", 8, 7, 1),
        ("rgb", 12, 7, 1),
    ]
    rows = np.frombuffer(bytes(cloud.data), [("xyz", "<f4", 3), ("rgb", "<u4")])
    assert (cloud.point_step, cloud.row_step, len(rows)) == (16, 8000, 500)
    np.testing.assert_allclose(rows["xyz"], ros_axes(points), atol=1e-5)
    assert (np.stack([rows["rgb"] >> 16, rows["rgb"] >> 8 & 255, rows["rgb"] & 255], -1) == colours).all()


def test_single_messages_are_offered_to_late_listeners(path: Path) -> None:
    with Reader(path) as reader:
        own = [(each.topic, each.ext) for each in reader.connections if isinstance(each.ext, ConnectionExtRosbag2)]
    offered = {topic: extra.offered_qos_profiles for topic, extra in own if extra.offered_qos_profiles}
    assert set(offered) == {"/tf_static", "/cloud", "/camera/trajectory"}
    for (found,) in offered.values():
        assert (found.durability, found.reliability) == (QosDurability.TRANSIENT_LOCAL, QosReliability.RELIABLE)
        assert (found.history, found.depth, found.liveliness) == (QosHistory.KEEP_LAST, 1, QosLiveliness.AUTOMATIC)
        assert found.deadline == found.lifespan == found.liveliness_lease_duration == QosTime(9223372036, 854775807)


def test_frames_are_written_one_by_one_and_a_failure_leaves_nothing(tmp_path: Path) -> None:
    def broken() -> Iterator[McapFrame]:
        for frame in frames():
            yield frame
            raise InputError("the depth is gone")

    nothing = np.zeros((0, 3), np.float32), np.zeros((0, 3), np.uint8)
    with pytest.raises(InputError, match="the depth is gone"):
        write_mcap(tmp_path / "scene.mcap", CAMERA, broken(), *nothing)
    assert not list(tmp_path.iterdir())
    write_mcap(tmp_path / "scene.mcap", CAMERA, frames(), *nothing)
    assert "/cloud" not in messages(tmp_path / "scene.mcap")
