"""A tiny KITTI date: two cameras that see a LiDAR whose axes are theirs, up to the change of names."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

WIDTH, HEIGHT, FOCAL = 12, 6, 6.0
CAM_TO_CAM = f"""calib_time: 09-Jan-2012 13:57:47
S_rect_02: {WIDTH} {HEIGHT}
S_rect_03: {WIDTH} {HEIGHT}
R_rect_00: 1 0 0 0 1 0 0 0 1
P_rect_02: {FOCAL} 0 6 0 0 {FOCAL} 3 0 0 0 1 0
P_rect_03: {FOCAL} 0 6 -3 0 {FOCAL} 3 0 0 0 1 0
"""
# Camera axes: x right = -y of the LiDAR, y down = -z, z forward = x - 0.25 m.
VELO_TO_CAM = "R: 0 -1 0 0 0 -1 1 0 0\nT: 0 0 -0.25\n"


@pytest.fixture
def date(tmp_path: Path) -> Path:
    """Calibration and one drive of three frames, both cameras, with one scan."""
    date = tmp_path / "raw" / "2011_09_26"
    drive = date / "2011_09_26_drive_0005_sync"
    for camera in (2, 3):
        folder = drive / f"image_{camera:02d}" / "data"
        folder.mkdir(parents=True)
        for frame in range(3):
            Image.new("RGB", (WIDTH, HEIGHT), (camera, frame, 0)).save(folder / f"{frame:010d}.png")
    (date / "calib_cam_to_cam.txt").write_text(CAM_TO_CAM)
    (date / "calib_velo_to_cam.txt").write_text(VELO_TO_CAM)
    (drive / "velodyne_points" / "data").mkdir(parents=True)
    points = np.array([[5.25, 0, 0, 1]], np.float32)
    points.tofile(drive / "velodyne_points" / "data" / "0000000001.bin")
    return date
