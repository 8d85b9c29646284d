from pathlib import Path

import numpy as np
import pytest

from egodepth.data.kitti import improved_depth_map, velodyne_depth_map
from egodepth.data.kitti.velodyne import Variant
from egodepth.foundation.errors import InputError


def parse(path: Path) -> dict[str, list[float]]:
    """Calibration, parsed here again so that the test shares no code with what it tests."""
    lines = (line.split(": ") for line in path.read_text().splitlines())
    return {key: [float(x) for x in text.split()] for key, text in lines if key != "calib_time"}


def as_published(calibration: Path, scan: Path, camera: int) -> np.ndarray:
    """The published map, one point after the other, from its description."""
    cam, velo = parse(calibration / "calib_cam_to_cam.txt"), parse(calibration / "calib_velo_to_cam.txt")
    width, height = (int(x) for x in cam["S_rect_02"])
    rigid = np.vstack([np.hstack([np.reshape(velo["R"], (3, 3)), np.reshape(velo["T"], (3, 1))]), [0, 0, 0, 1]])
    rotation = np.eye(4)
    rotation[:3, :3] = np.reshape(cam["R_rect_00"], (3, 3))
    p, q, r = np.reshape(cam[f"P_rect_{camera:02d}"], (3, 4)) @ rotation @ rigid
    x, y, z, _ = np.fromfile(scan, np.float32).reshape(-1, 4).astype(float).T
    scale = r[0] * x + r[1] * y + r[2] * z + r[3]
    columns = (p[0] * x + p[1] * y + p[2] * z + p[3]) / scale
    rows = (q[0] * x + q[1] * y + q[2] * z + q[3]) / scale

    depth = np.zeros((height, width), np.float32)
    groups: dict[int, list[tuple[int, int, float]]] = {}
    for forward, u, v in zip(x.tolist(), columns.tolist(), rows.tolist(), strict=True):
        if forward < 0:
            continue
        row, column = round(v) - 1, round(u) - 1
        if 0 <= column < width and 0 <= row < height:
            depth[row, column] = forward
            groups.setdefault(row * (width - 1) + column - 1, []).append((row, column, forward))
    for group in groups.values():
        if len(group) > 1:
            row, column, _ = group[0]
            depth[row, column] = min(forward for _, _, forward in group)
    return depth


@pytest.mark.parametrize("drive", ["0001", "0052"])
def test_the_published_map_is_reproduced_bit_for_bit_on_every_scan(real_data: Path, drive: str) -> None:
    date = real_data / "kitti_raw" / "2011_09_26"
    scans = sorted((date / f"2011_09_26_drive_{drive}_sync" / "velodyne_points" / "data").glob("*.bin"))
    assert len(scans) >= 8
    for number, scan in enumerate(scans):
        camera = 2 + number % 2
        assert np.array_equal(velodyne_depth_map(date, scan, camera), as_published(date, scan, camera)), scan


@pytest.mark.parametrize(("variant", "limit"), [("eigen-z", 0.005), ("eigen", 0.018)])
def test_the_maps_agree_with_the_improved_ones(real_data: Path, variant: Variant, limit: float) -> None:
    date = real_data / "kitti_raw" / "2011_09_26"
    name = "2011_09_26_drive_0001_sync"
    truth = real_data / "kitti_depth" / "train" / name / "proj_depth" / "groundtruth"
    medians = []
    for camera in (2, 3):
        for path in sorted((truth / f"image_{camera:02d}").glob("*.png")):
            scan = date / name / "velodyne_points" / "data" / f"{path.stem}.bin"
            expected, depth = improved_depth_map(path), velodyne_depth_map(date, scan, camera, variant)
            both = (expected > 0) & (depth > 0)
            assert both.sum() > 5000
            medians.append(np.median(np.abs(depth - expected)[both] / expected[both]))
    assert len(medians) == 10
    assert max(medians) < limit


def scan_of(path: Path, points: list[tuple[float, float, float]]) -> Path:
    np.array([(*point, 0) for point in points], np.float32).tofile(path)
    return path


def seen_at(column: float, row: float, z: float) -> tuple[float, float, float]:
    """LiDAR coordinates of a point that the tiny date's camera 2 sees at a pixel and depth."""
    return z + 0.25, -(column - 6) / 6 * z, -(row - 3) / 6 * z


def test_collisions_of_the_published_map_by_hand(date: Path, tmp_path: Path) -> None:
    width = 12
    points = [
        # Published pixel (2, 3): the nearest of one pixel.
        *(seen_at(4, 3, z) for z in (5, 4, 7)),
        # (1, last) shares its index with (2, 0): the smaller depth goes to the first point's pixel,
        # the other pixel keeps its own last point.
        seen_at(width, 2, 8),
        seen_at(1, 3, 3),
        seen_at(1, 3, 6),
    ]
    depth = velodyne_depth_map(date, scan_of(tmp_path / "a.bin", points), 2)
    expected = np.zeros((6, 12), np.float32)
    expected[2, 3], expected[1, width - 1], expected[2, 0] = 4.25, 3.25, 6.25
    assert np.array_equal(depth, expected)


def test_the_correct_map_has_camera_depth_at_the_pixel_and_the_nearest_point(date: Path, tmp_path: Path) -> None:
    points = [seen_at(4, 3, 5), seen_at(4.3, 2.8, 4), seen_at(4, 3, 7), seen_at(11, 2, 8), seen_at(0, 3, 3)]
    depth = velodyne_depth_map(date, scan_of(tmp_path / "a.bin", points), 2, "eigen-z")
    expected = np.zeros((6, 12), np.float32)
    expected[3, 4], expected[2, 11], expected[3, 0] = 4, 8, 3
    np.testing.assert_allclose(depth, expected, rtol=1e-6)


def test_points_behind_in_the_lens_plane_or_outside_leave_an_empty_map(date: Path, tmp_path: Path) -> None:
    points = [(-5.0, 0.0, 0.0), (0.25, 0.0, 0.0), (5.0, 50.0, 0.0)]
    for variant in ("eigen", "eigen-z"):
        assert not velodyne_depth_map(date, scan_of(tmp_path / "a.bin", points), 2, variant).any()


def test_truncated_empty_and_missing_scans_are_named(date: Path, tmp_path: Path) -> None:
    (tmp_path / "short.bin").write_bytes(bytes(33))
    (tmp_path / "empty.bin").touch()
    for name, reason in (("short", "truncated"), ("empty", "truncated"), ("gone", "no LiDAR scan")):
        with pytest.raises(InputError, match=rf"{name}\.bin: {reason}"):
            velodyne_depth_map(str(date), str(tmp_path / f"{name}.bin"), 2)


def test_missing_and_damaged_calibration_is_named(date: Path, tmp_path: Path) -> None:
    scan = scan_of(tmp_path / "a.bin", [(5, 0, 0)])
    (date / "calib_velo_to_cam.txt").write_text("R: 1 2 3\n")
    with pytest.raises(InputError, match=r"calib_velo_to_cam\.txt: no valid 'R'"):
        velodyne_depth_map(date, scan, 2)
    with pytest.raises(InputError, match=r"calib_cam_to_cam\.txt: cannot be read; unpack"):
        velodyne_depth_map(tmp_path, scan, 2)
