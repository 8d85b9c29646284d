from pathlib import Path

import numpy as np
import pytest

from egodepth.foundation.errors import InputError
from egodepth.foundation.ply_files import refuse_other_cloud, write_ply
from ply_reader import read_ply


def test_a_cloud_replaces_clouds_from_here_alone(tmp_path: Path):
    path = tmp_path / "lidar.ply"
    refuse_other_cloud(path)
    path.write_text("ply\nformat ascii 1.0\nend_header\n")
    with pytest.raises(InputError, match=r"lidar\.ply: exists already, and is not from egodepth"):
        refuse_other_cloud(path)
    write_ply(path, np.zeros((1, 3), np.float32), np.zeros((1, 3), np.uint8))
    refuse_other_cloud(path)


def test_points_colours_and_further_columns_come_back(tmp_path: Path):
    rng = np.random.default_rng(0)
    xyz = rng.standard_normal((7, 3)).astype(np.float32)
    rgb = rng.integers(0, 256, (7, 3)).astype(np.uint8)
    more = {"quality": rng.random(7).astype(np.float32), "seen": np.arange(7, dtype=np.int32)}
    write_ply(tmp_path / "some.ply", xyz, rgb, **more)
    rows = read_ply(tmp_path / "some.ply")
    assert rows.dtype.names == ("x", "y", "z", "red", "green", "blue", "quality", "seen")
    assert (np.stack([rows[name] for name in "xyz"], 1) == xyz).all()
    assert (np.stack([rows[name] for name in ("red", "green", "blue")], 1) == rgb).all()
    assert (rows["quality"] == more["quality"]).all()
    assert (rows["seen"] == more["seen"]).all()
    assert b"comment axes of a camera: x right, y down, z forward" in (tmp_path / "some.ply").read_bytes()


def test_no_points_are_a_file_all_the_same(tmp_path: Path):
    write_ply(tmp_path / "none.ply", np.zeros((0, 3)), np.zeros((0, 3), np.uint8))
    assert len(read_ply(tmp_path / "none.ply")) == 0


def test_a_folder_that_is_a_file_is_named(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        write_ply(tmp_path / "file" / "some.ply", np.zeros((1, 3)), np.zeros((1, 3), np.uint8))
