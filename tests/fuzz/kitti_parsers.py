"""KITTI's calibrations, lists and scans; GPS; poses and trajectories."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from egodepth.data.guard import refuse_test_drives
from egodepth.data.images import write_image
from egodepth.data.kitti.calibration import CAM_TO_CAM, VELO_TO_CAM, Calibration
from egodepth.data.kitti.lists import read_list
from egodepth.data.kitti.odometry import OdometryDrive
from egodepth.data.kitti.velodyne import velodyne_depth_map
from egodepth.foundation.trajectory_files import read_kitti_poses, write_kitti_poses, write_tum_poses
from egodepth.video.cloud.inputs import TrajectoryFile
from egodepth.video.scale.speed import logged_speeds, oxts_speeds
from fuzz.camera_parsers import one_file, sane
from fuzz.harness import Parser

_P = "P_rect_0{}: 721.5 0 609.6 {} 0 721.5 172.9 0.2 0 0 1 0.003\n"
_CAM_TO_CAM = (
    "calib_time: 09-Jan-2012 13:57:47\ncorner_dist: 9.95e-02\nS_rect_02: 1.242e+03 3.75e+02\nS_rect_03: 1242 375\n"
    "R_rect_00: 9.999e-01 9.8e-03 -7.4e-03 -9.8e-03 9.999e-01 -4.2e-03 7.4e-03 4.3e-03 9.999e-01\n"
    + _P.format(2, 44.85)
    + _P.format(3, -339.5)
)
_VELO_TO_CAM = (
    "calib_time: 15-Mar-2012 11:37:16\n"
    "R: 7.5e-03 -9.99e-01 -6.1e-04 1.48e-02 7.2e-04 -9.99e-01 9.99e-01 7.5e-03 1.48e-02\n"
    "T: -4.06e-03 -7.63e-02 -2.71e-01\ndelta_f: 0 0\n"
)
_LIST = (
    "2011_09_26/2011_09_26_drive_0022_sync 473 r\n2011_09_26/2011_09_26_drive_0001_sync 5 l\n",
    "8 4056 r\n0 3 l\n",
)
_OXTS = " ".join(
    ["49.01", "8.43", "116.4", "0.03", "0.01", "-2.6", "0.1", "9.9", "13.1", "0.02", "-0.03", *["0.1"] * 19]
)
_TIMES = "".join(f"2011-09-26 13:02:25.{964389445 + i * 100000000 % 10**9:09d}\n" for i in range(1)) + (
    "2011-09-26 13:02:26.064389445\n2011-09-26 13:02:26.164389445\n"
)
_SPEEDS = ("time,speed\n0,10\n1,12.5\n2.5,0\n", "speed, time ,note\n10,0,x\n12,1,y\n")
_POSES = np.tile(np.eye(4), (4, 1, 1))
_POSES[:, 2, 3] = range(4)


def _a_scan() -> bytes:
    points = np.random.default_rng(0).uniform((1, -10, -2, 0), (60, 10, 2, 1), (64, 4))
    return points.astype("<f4").tobytes()


def _prepare_calibration(folder: Path) -> Mapping[str, Sequence[bytes]]:
    contents = {CAM_TO_CAM: [_CAM_TO_CAM.encode()], VELO_TO_CAM: [_VELO_TO_CAM.encode()]}
    for name, (content,) in contents.items():
        (folder / name).write_bytes(content)
    (folder / "scan.bin").write_bytes(_a_scan())
    return contents


def _read_calibration(folder: Path) -> None:
    calibration = Calibration.read(folder)
    for camera in (2, 3):
        sane(calibration.camera(camera))
    assert np.isfinite(calibration.other_from_self(2, 3)).all()
    depth = velodyne_depth_map(folder, folder / "scan.bin", 2, "eigen-z")
    assert np.isfinite(depth).all()
    assert depth.size <= 80_000_000


def _prepare_scan(folder: Path) -> Mapping[str, Sequence[bytes]]:
    _prepare_calibration(folder)
    return {"scan.bin": [_a_scan(), _a_scan()[:160]]}


def _read_scan(folder: Path) -> None:
    for variant in ("eigen", "eigen-z"):
        depth = velodyne_depth_map(folder, folder / "scan.bin", 2, variant)
        assert depth.shape == (375, 1242)
        assert np.isfinite(depth).all()
        assert depth.min() >= 0


def _read_list(folder: Path) -> None:
    lines = read_list(folder / "list.txt")
    assert lines
    assert all(0 <= line.frame < 10**18 and line.camera in (2, 3) and "." not in line.drive for line in lines)
    refuse_test_drives([], "eigen", lines)


def _prepare_sequence(folder: Path) -> Mapping[str, Sequence[bytes]]:
    sequence = folder / "sequences" / "03"
    for camera in (2, 3):
        (sequence / f"image_{camera}").mkdir(parents=True)
        for frame in range(2):
            write_image(sequence / f"image_{camera}" / f"{frame:06d}.png", np.zeros((37, 124, 3), np.uint8))
    lines = "".join(f"P{camera}: 72.1 0 61 {-38 * (camera % 2)} 0 72.1 17.3 0 0 0 1 0\n" for camera in range(4))
    write_kitti_poses(folder / "poses" / "03.txt", _POSES[:2])
    (sequence / "calib.txt").write_text(lines)
    poses = (folder / "poses" / "03.txt").read_bytes()
    return {"sequences/03/calib.txt": [lines.encode()], "poses/03.txt": [poses]}


def _read_sequence(folder: Path) -> None:
    drive = OdometryDrive(folder / "sequences" / "03", 2)
    sane(drive.camera)
    assert drive.partner_from_self is not None
    assert np.isfinite(drive.partner_from_self).all()
    assert np.isfinite(drive.read_pose(1)).all()


def _prepare_oxts(folder: Path) -> Mapping[str, Sequence[bytes]]:
    (folder / "data").mkdir()
    for frame in range(3):
        (folder / "data" / f"{frame:010d}.txt").write_text(_OXTS)
    (folder / "timestamps.txt").write_text(_TIMES)
    return {"timestamps.txt": [_TIMES.encode()], "data/0000000001.txt": [_OXTS.encode()]}


def _read_oxts(folder: Path) -> None:
    metres = oxts_speeds(folder)(0, 2)
    assert metres is None or 0 <= metres < 1e6, metres


def _read_speeds(folder: Path) -> None:
    distance = logged_speeds(folder / "speeds.csv", lambda frame: frame / 10)
    for later in (1, 5, 20):
        metres = distance(0, later)
        assert metres is None or 0 <= metres < 1e6, metres


def _prepare_poses(folder: Path) -> Mapping[str, Sequence[bytes]]:
    write_kitti_poses(folder / "poses.txt", _POSES)
    return {"poses.txt": [(folder / "poses.txt").read_bytes()]}


def _read_poses(folder: Path) -> None:
    poses = read_kitti_poses(folder / "poses.txt")
    assert np.isfinite(poses).all()
    assert np.abs(np.linalg.det(poses[:, :3, :3]) - 1).max() < 0.1


def _prepare_trajectory(folder: Path) -> Mapping[str, Sequence[bytes]]:
    write_tum_poses(folder / "way.txt", _POSES, [0.0, 0.1, 0.2, 0.35])
    tum = (folder / "way.txt").read_bytes()
    write_kitti_poses(folder / "way.txt", _POSES)
    return {"way.txt": [tum, (folder / "way.txt").read_bytes(), b"# a comment\n" + tum]}


def _read_trajectory(folder: Path) -> None:
    trajectory = TrajectoryFile.read(folder / "way.txt")
    assert np.isfinite(trajectory.poses).all()
    for seconds in (0.0, 0.2):
        trajectory.at(0, len(trajectory.poses) + (trajectory.seconds is not None), seconds, 0.1)


PARSERS = (
    Parser("KITTI calibration", _prepare_calibration, _read_calibration),
    Parser("KITTI odometry sequence", _prepare_sequence, _read_sequence),
    Parser("KITTI list of frames", one_file("list.txt", _LIST), _read_list),
    Parser("LiDAR scan", _prepare_scan, _read_scan),
    Parser("oxts", _prepare_oxts, _read_oxts),
    Parser("poses", _prepare_poses, _read_poses),
    Parser("trajectory", _prepare_trajectory, _read_trajectory),
    Parser("speeds CSV", one_file("speeds.csv", _SPEEDS), _read_speeds),
)
