import numpy as np
import pytest

from egodepth.video.cloud.voxels import VoxelGrid


def add(grid: VoxelGrid, xyz: np.ndarray, weight: float = 1.0, origin: tuple = (0, 0, 0), grey: int = 100) -> None:
    count = len(xyz)
    grid.add(
        xyz.T.astype(np.float32),
        np.array(origin, np.float64),
        np.full((count, 3), grey, np.uint8),
        np.full(count, 0.5, np.float32),
        np.full(count, weight, np.float32),
    )


def test_points_of_a_cube_become_their_weighted_mean():
    grid = VoxelGrid(1.0, 100)
    add(grid, np.array([[0.2, -0.8, 5.5]]), weight=3, grey=100)
    add(grid, np.array([[0.6, -0.4, 5.1], [7.0, 7.0, 7.0]]), weight=1, grey=200)
    cloud = grid.cloud(1)
    np.testing.assert_allclose(cloud.xyz, [[0.3, -0.7, 5.4], [7, 7, 7]], rtol=1e-5)
    assert cloud.rgb.tolist() == [[125] * 3, [200] * 3]
    assert cloud.frames.tolist() == [2, 1]
    assert len(grid.cloud(2).xyz) == 1


def test_a_frame_counts_once_however_many_of_its_points_fall_into_a_cube():
    grid = VoxelGrid(1.0, 100)
    add(grid, np.full((9, 3), 0.5))
    assert grid.cloud(1).frames.tolist() == [1]


def test_the_order_of_sorting_does_not_show():
    rng = np.random.default_rng(0)
    parts = [rng.uniform(-5, 5, (200, 3)) for _ in range(10)]
    often, once = VoxelGrid(1.0, 2000), VoxelGrid(1.0, 1_000_000)
    for part in parts:
        add(often, part)
        add(once, part)
    np.testing.assert_allclose(often.cloud(1).xyz, once.cloud(1).xyz, atol=1e-5)
    assert (often.cloud(1).frames == once.cloud(1).frames).all()


def test_memory_is_bounded_and_the_cloud_stays_whole():
    rng = np.random.default_rng(0)
    grid = VoxelGrid(0.05, 5000)
    for start in range(40):
        add(grid, rng.uniform(0, 1, (1500, 3)) * [10, 0, 10], origin=(0, 0, 10 * start))
        assert grid.held <= 5000 + 5000 // 4 + 1500
    cloud = grid.cloud(1)
    assert 5000 / 8 < len(cloud.xyz) <= 5000
    assert cloud.voxel == pytest.approx(0.05 * 2 ** round(np.log2(cloud.voxel / 0.05)))
    assert np.diff(np.sort(cloud.xyz[:, 2]), prepend=0, append=400).max() < cloud.voxel  # no hole, and both ends
    assert np.abs(cloud.xyz[:, 1]).max() < 1e-4


def test_a_grid_that_grew_holds_what_a_coarse_one_holds():
    rng = np.random.default_rng(0)
    points = rng.uniform(-20, 20, (3000, 3))
    grown = VoxelGrid(0.5, 1000)
    add(grown, points)
    side = grown.cloud(1).voxel
    coarse = VoxelGrid(side, 1_000_000)
    add(coarse, points)
    assert side > 0.5
    np.testing.assert_allclose(grown.cloud(1).xyz, coarse.cloud(1).xyz, atol=2e-4)


def test_far_from_the_origin_points_stay_exact_and_the_grid_grows_to_hold_them():
    grid = VoxelGrid(0.01, 100)
    add(grid, np.array([[0.123, 0.0, 0.0]]), origin=(40_000.0, 0, 0))
    cloud = grid.cloud(1)
    assert cloud.voxel > 0.01
    assert cloud.xyz[0, 0] == pytest.approx(40_000.123, abs=0.005)
