import shutil
from pathlib import Path

import numpy as np
import pytest

from egodepth.data.kitti.odometry import OdometryDrive, is_kitti_odometry
from egodepth.data.opening import open_drives
from egodepth.foundation.errors import InputError


@pytest.fixture
def sequence(real_data: Path, tmp_path: Path) -> Path:
    """A copy of sequence 06 whose grey images stand in for the colour ones."""
    source, root = real_data / "kitti_odometry", tmp_path / "odometry"
    shutil.copytree(source / "sequences" / "06", root / "sequences" / "06")
    (root / "poses").mkdir()
    shutil.copy(source / "poses" / "06.txt", root / "poses")
    lines = (root / "sequences" / "06" / "calib.txt").read_text().splitlines()
    shift = "7.07e+02 0 6.02e+02 {} 0 7.07e+02 1.83e+02 0 0 0 1 0"
    colour = [f"P2: {shift.format(42.42)}", f"P3: {shift.format(-335.0)}"]
    (root / "sequences" / "06" / "calib.txt").write_text("\n".join([*lines[:2], *colour]) + "\n")
    for grey, other in (("image_0", "image_2"), ("image_1", "image_3")):
        shutil.copytree(root / "sequences" / "06" / grey, root / "sequences" / "06" / other)
    return root


def test_every_camera_of_a_sequence_is_a_drive(sequence: Path) -> None:
    names = [f"06/image_{camera}" for camera in range(4)]
    for root in (sequence, sequence / "sequences", sequence / "sequences" / "06"):
        assert [drive.name for drive in open_drives(root)] == names


def test_the_grey_pair_has_its_true_baseline(real_data: Path) -> None:
    left, right = open_drives(real_data / "kitti_odometry")
    assert left.partner_from_self[0, 3] == pytest.approx(-379.8145 / 707.0912, rel=1e-6)
    np.testing.assert_allclose(right.partner_from_self @ left.partner_from_self, np.eye(4), atol=1e-7)
    assert left.read_image(0).shape == (*left.size, 3)
    np.testing.assert_array_equal(left.read_image(3, partner=True), right.read_image(3))
    assert left.has_partner(50)
    assert not left.has_partner(51)


def test_the_colour_cameras_poses_are_the_grey_ones_moved_to_their_place(sequence: Path) -> None:
    grey, _, colour, right = open_drives(sequence)
    shift = np.linalg.inv(grey.read_pose(7)) @ colour.read_pose(7)
    np.testing.assert_allclose(shift[:3, 3], [-42.42 / 707, 0, 0], atol=1e-4)
    assert colour.partner_from_self[0, 3] == pytest.approx((-335.0 - 42.42) / 707)
    assert np.linalg.norm(colour.read_pose(7)[:3, 3] - right.read_pose(7)[:3, 3]) == pytest.approx(0.5338, abs=1e-3)


def test_the_first_pose_is_the_worlds(real_data: Path) -> None:
    drive = open_drives(real_data / "kitti_odometry")[0]
    assert drive.has_poses
    np.testing.assert_allclose(drive.read_pose(0), np.eye(4), atol=1e-8)
    assert 0.5 < np.linalg.norm(drive.read_pose(1)[:3, 3]) < 2


def test_sequences_without_poses_say_so(sequence: Path) -> None:
    (sequence / "poses" / "06.txt").unlink()
    drive = open_drives(sequence)[0]
    assert not drive.has_poses
    with pytest.raises(InputError, match=r"06\.txt: no true poses; unpack"):
        drive.read_pose(0)


def test_a_pose_file_that_ends_early_is_refused(sequence: Path) -> None:
    lines = (sequence / "poses" / "06.txt").read_text().splitlines()[:10]
    (sequence / "poses" / "06.txt").write_text("\n".join(lines))
    with pytest.raises(InputError, match="10 poses, none of frame 10"):
        open_drives(sequence)[0].read_pose(10)


def test_a_calibration_without_the_matrix_is_refused(sequence: Path) -> None:
    (sequence / "sequences" / "06" / "calib.txt").write_text("P0: 1 2 3\n")
    with pytest.raises(InputError, match=r"calib\.txt: no valid 'P0'"):
        OdometryDrive(sequence / "sequences" / "06", 0)


def test_other_folders_are_no_odometry(real_data: Path) -> None:
    assert not is_kitti_odometry(real_data / "kitti_raw")
    assert is_kitti_odometry(real_data / "kitti_odometry")
