from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from egodepth.foundation.errors import InputError
from egodepth.foundation.trajectory_files import (
    quaternion,
    read_kitti_poses,
    read_trajectory,
    write_kitti_poses,
    write_tum_poses,
)
from egodepth.geometry import transform_from_axis_angle


def some_poses(count: int = 20, seed: int = 0) -> np.ndarray:
    """Any rotations, half turns among them, and places."""
    generator = torch.Generator().manual_seed(seed)
    turns = torch.randn(count, 3, dtype=torch.float64, generator=generator) * 2
    turns[0], turns[1] = torch.tensor([np.pi, 0, 0]), torch.tensor([0, 0, 0])
    return transform_from_axis_angle(turns, torch.randn(count, 3, dtype=torch.float64, generator=generator)).numpy()


def test_kittis_format_comes_back(tmp_path: Path) -> None:
    write_kitti_poses(tmp_path / "poses.txt", some_poses())
    np.testing.assert_allclose(read_kitti_poses(tmp_path / "poses.txt"), some_poses(), atol=1e-8)


def test_quaternions_turn_vectors_as_their_matrices_do() -> None:
    vector = np.array([0.3, -1.2, 0.7])
    for pose in some_poses():
        x, y, z, w = quaternion(pose[:3, :3])
        axis = np.array([x, y, z])
        turned = vector + 2 * np.cross(axis, np.cross(axis, vector) + w * vector)
        np.testing.assert_allclose(turned, pose[:3, :3] @ vector, atol=1e-12)
        assert w >= 0


def test_tums_format_has_time_place_and_quaternion(tmp_path: Path) -> None:
    poses = some_poses(3)
    write_tum_poses(tmp_path / "tum.txt", poses, [0.0, 0.1, 0.2])
    rows = np.loadtxt(tmp_path / "tum.txt")
    np.testing.assert_allclose(rows[:, 0], [0.0, 0.1, 0.2])
    np.testing.assert_allclose(rows[:, 1:4], poses[:, :3, 3], atol=1e-8)
    np.testing.assert_allclose(np.linalg.norm(rows[:, 4:], axis=1), 1, atol=1e-8)


@pytest.mark.parametrize("text", ["", "1 2 3\n", "a " * 12, "nan " * 12, "1 " * 12 + "\n" + "1 " * 11])
def test_damaged_poses_are_refused_by_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "poses.txt").write_text(text)
    with pytest.raises(InputError, match=r"poses\.txt: .*12 numbers"):
        read_kitti_poses(tmp_path / "poses.txt")


def test_a_matrix_that_turns_nothing_is_no_pose(tmp_path: Path) -> None:
    (tmp_path / "poses.txt").write_text("0 " * 12)
    with pytest.raises(InputError, match="no rotation"):
        read_kitti_poses(tmp_path / "poses.txt")


def text_of(poses: np.ndarray) -> str:
    return "".join(" ".join(f"{value:.9e}" for value in pose[:3].ravel()) + "\n" for pose in poses)


EVERYDAY: dict[str, Callable[[str], str]] = {
    "an empty last line": lambda text: text + "\n\n",
    "a comment": lambda text: "# world from camera\n" + text,
    "a byte-order mark": lambda text: "\ufeff" + text,
    "line ends of Windows": lambda text: text.replace("\n", "\r\n"),
    "blanks around": lambda text: "".join(f"  {line} \n" for line in text.splitlines()),
}


@pytest.mark.parametrize("spoil", EVERYDAY.values(), ids=EVERYDAY)
@pytest.mark.parametrize("name", ["kitti", "tum"])
def test_everyday_text_files_hold_the_same_trajectory(tmp_path: Path, spoil: Callable[[str], str], name: str) -> None:
    path, poses = tmp_path / "way.txt", some_poses()
    if name == "tum":
        write_tum_poses(path, poses, [0.1 * number for number in range(len(poses))])
    else:
        path.write_text(text_of(poses))
    path.write_bytes(spoil(path.read_text()).encode())
    found, seconds = read_trajectory(path)
    np.testing.assert_allclose(found, poses, atol=1e-7)
    assert (seconds is None) == (name == "kitti")


def test_names_of_the_columns_are_skipped_and_tums_format_is_named_where_kittis_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "way.txt"
    write_tum_poses(path, some_poses(), [0.1 * number for number in range(len(some_poses()))])
    path.write_text("timestamp tx ty tz qx qy qz qw\n" + path.read_text())
    np.testing.assert_allclose(read_trajectory(path).poses, some_poses(), atol=1e-7)
    with pytest.raises(InputError, match="poses in TUM's format"):
        read_kitti_poses(path)
