import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from egodepth.data.kitti import depth_cache, velodyne_depth_map
from egodepth.data.kitti.depth_cache import cached_depth_map
from egodepth.foundation.errors import InputError


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("EGODEPTH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "lidar"


@pytest.fixture
def date(real_data: Path, tmp_path: Path) -> Path:
    """A copy of a calibration and one scan."""
    source, copy = real_data / "kitti_raw" / "2011_09_26", tmp_path / "date"
    copy.mkdir()
    for name in ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt"):
        shutil.copy(source / name, copy)
    shutil.copy(source / "2011_09_26_drive_0052_sync/velodyne_points/data/0000000004.bin", copy / "scan.bin")
    return copy


@pytest.fixture
def projections(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, str]]:
    """What has really been projected."""
    done = []

    def project(calibration_dir: Path, scan: Path, camera: int, variant: str):
        done.append((camera, variant))
        return velodyne_depth_map(calibration_dir, scan, camera, variant)

    monkeypatch.setattr(depth_cache, "velodyne_depth_map", project)
    return done


def test_a_scan_is_projected_once_for_each_camera_and_kind_of_map(cache: Path, date: Path, projections) -> None:
    for _ in range(2):
        for camera, variant in ((2, "eigen"), (3, "eigen"), (2, "eigen-z")):
            found = cached_depth_map(date, date / "scan.bin", camera, variant)
            np.testing.assert_array_equal(found, velodyne_depth_map(date, date / "scan.bin", camera, variant))
            assert found.dtype == np.float32
    assert projections == [(2, "eigen"), (3, "eigen"), (2, "eigen-z")]
    assert len(list(cache.iterdir())) == 3


def test_another_scan_or_calibration_of_the_same_name_is_projected_anew(cache: Path, date: Path, projections) -> None:
    for name in ("none", "scan.bin", "calib_velo_to_cam.txt"):
        if name != "none":
            os.utime(date / name, ns=(1, 1))
        cached_depth_map(date, date / "scan.bin", 2, "eigen")
    assert len(projections) == 3


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half"])
def test_a_damaged_cache_is_written_again(cache: Path, date: Path, projections, content: bytes) -> None:
    expected = cached_depth_map(date, date / "scan.bin", 2, "eigen")
    (file,) = cache.iterdir()
    file.write_bytes(content)
    for _ in range(2):
        np.testing.assert_array_equal(cached_depth_map(date, date / "scan.bin", 2, "eigen"), expected)
    assert len(projections) == 2


def test_without_room_for_a_cache_maps_are_projected_all_the_same(
    date: Path, projections, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("EGODEPTH_CACHE", str(tmp_path / "file"))
    for _ in range(2):
        assert (cached_depth_map(date, date / "scan.bin", 2, "eigen") > 0).sum() > 10_000
    assert len(projections) == 2


def test_a_missing_scan_is_named(cache: Path, date: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.bin: no LiDAR scan"):
        cached_depth_map(date, date / "gone.bin", 2, "eigen")
