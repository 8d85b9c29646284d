from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mcap.writer import Writer

from bag_files import D, K, camera_info, jpegs, pictures, write_bag
from egodepth.data.bags.bag import Bag
from egodepth.data.bags.camera_info import camera_info_beside, read_camera_info
from egodepth.foundation.errors import InputError
from egodepth.geometry.distortion import FisheyeLens, RationalLens
from footage_scenes import street

SCENE = street([0.0, 3.0])
SIZE = (108, 192)


def camera(tmp_path: Path, topic: str = "/front/image_raw", kind: str = "mcap", **changed: Any):
    path = write_bag(tmp_path / "drive", [*pictures(SCENE, topic), *camera_info(**changed)], kind)
    return read_camera_info(Bag(path), "/front/camera_info", topic, SIZE)


@pytest.mark.parametrize("kind", ["bag", "db3", "mcap"])
def test_the_matrix_size_and_distortion_are_those_of_the_message(kind: str, tmp_path: Path) -> None:
    found = camera(tmp_path, kind=kind)
    assert (found.fx, found.cx, found.fy, found.cy) == (K[0], K[2], K[4], K[5])
    assert (found.size, found.lens) == (SIZE, RationalLens(*D))


def test_the_models_of_ros_become_the_lenses_of_opencv(tmp_path: Path) -> None:
    assert camera(tmp_path / "1", d=[]).lens is None
    rational = camera(tmp_path / "2", distortion_model="rational_polynomial", d=[*D, 0.1, 0.2, 0.3]).lens
    assert rational == RationalLens(*D, 0.1, 0.2, 0.3)
    assert camera(tmp_path / "3", distortion_model="equidistant", d=D[:4]).lens == FisheyeLens(*D[:4])


@pytest.mark.parametrize("topic", ["/front/image_rect", "/front/image_rect_color"])
def test_the_camera_of_rectified_images_is_the_projection_without_distortion(topic: str, tmp_path: Path) -> None:
    projection = [140.0, 0, 90, 0, 0, 141, 50, 0, 0, 0, 1, 0]
    found = camera(tmp_path, topic, p=projection, roi={"do_rectify": True})
    assert (found.fx, found.cx, found.fy, found.cy, found.lens) == (140, 90, 141, 50, None)


def test_a_region_of_the_sensor_and_its_binning_are_applied(tmp_path: Path) -> None:
    region = {"x_offset": 40, "y_offset": 20, "width": 384, "height": 216, "do_rectify": False}
    found = camera(tmp_path, size=(400, 640), binning_x=2, binning_y=2, roi=region)
    assert (found.cx, found.cy, found.size) == (K[2] - 40, K[5] - 20, (216, 384))


@pytest.mark.parametrize(
    ("images", "info", "found"),
    [
        ("/front/image_raw", "/front/camera_info", "/front/camera_info"),
        ("/front/image_raw/compressed", "/front/camera_info", "/front/camera_info"),
        ("/front/image/compressed", "/front/image/camera_info", "/front/image/camera_info"),
        ("/image_raw", "/camera_info", "/camera_info"),
        ("/front/image_raw", "/rear/camera_info", None),
    ],
)
def test_the_camera_is_beside_its_images(images: str, info: str, found: str | None, tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", [*jpegs(SCENE, images), *camera_info(info)])
    assert camera_info_beside(Bag(path), images) == found


def test_a_topic_that_does_not_exist_or_is_not_calibrated_is_one_line(tmp_path: Path) -> None:
    path = write_bag(tmp_path / "drive", [*pictures(SCENE), *camera_info(k=np.zeros(9))])
    with pytest.raises(InputError, match=r"holds no calibration \(its K is 0\)"):
        read_camera_info(Bag(path), "/front/camera_info", "/front/image_raw", SIZE)
    with pytest.raises(InputError, match="no camera_info topic /no; there are: /front/camera_info"):
        read_camera_info(Bag(path), "/no", "/front/image_raw", SIZE)
    path = write_bag(tmp_path / "other", pictures(SCENE))
    with pytest.raises(InputError, match=r"no camera_info, but /front/image_raw \(sensor_msgs/Image, 2\)"):
        read_camera_info(Bag(path), "/no", "/front/image_raw", SIZE)


def test_a_topic_without_messages_is_one_line(tmp_path: Path) -> None:
    with (tmp_path / "a.mcap").open("wb") as file:
        writer = Writer(file, use_statistics=False)
        writer.start("ros2")
        schema = writer.register_schema("sensor_msgs/msg/CameraInfo", "ros2msg", b"")
        writer.register_channel("/camera_info", "cdr", schema)
        writer.finish()
    with pytest.raises(InputError, match="/camera_info has no messages"):
        read_camera_info(Bag(tmp_path / "a.mcap"), "/camera_info", "/image_raw", SIZE)


def test_a_matrix_that_is_none_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a camera matrix"):
        camera(tmp_path, k=[1.0] * 9)
