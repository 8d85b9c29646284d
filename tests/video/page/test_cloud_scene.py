import base64

import numpy as np
import pytest

from egodepth.video.page.cloud_scene import MAX_POINTS, SQUARES, cloud_scene, thinned
from page_sample import sample_content


def floats(text: str) -> np.ndarray:
    return np.frombuffer(base64.b64decode(text), np.float32).reshape(-1, 3)


def random_cloud(points: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    return rng.normal(0, 1, (points, 3)).astype(np.float32), rng.integers(0, 256, (points, 3), np.uint8)


def test_a_large_cloud_is_thinned_to_the_limit_and_always_to_the_same_points():
    xyz, rgb = random_cloud(3 * MAX_POINTS)
    first, again = thinned(xyz, rgb), thinned(xyz, rgb)
    assert len(first[0]) == len(first[1]) == MAX_POINTS
    np.testing.assert_array_equal(first[0], again[0])


def test_thinned_points_keep_their_colours():
    xyz = np.repeat(np.arange(2 * MAX_POINTS, dtype=np.float32)[:, None], 3, 1)
    rgb = (xyz % 251).astype(np.uint8)
    kept_xyz, kept_rgb = thinned(xyz, rgb)
    np.testing.assert_array_equal(kept_rgb, (kept_xyz % 251).astype(np.uint8))


def test_a_few_far_points_and_unknown_ones_are_left_out():
    xyz, rgb = random_cloud(2000)
    xyz[7] = 1e6
    xyz[8, 1] = np.nan
    kept, _ = thinned(xyz, rgb)
    assert np.abs(kept).max() < 5
    assert len(kept) > 1900


def test_of_a_few_points_none_is_left_out():
    xyz, rgb = random_cloud(5)
    np.testing.assert_array_equal(thinned(xyz, rgb)[0], xyz)


def test_the_scene_holds_points_colours_and_every_piece_of_the_path():
    content = sample_content()
    scene = cloud_scene(content)
    xyz, rgb = thinned(content.cloud_xyz, content.cloud_rgb)
    np.testing.assert_array_equal(floats(scene["xyz"]), xyz)
    assert base64.b64decode(scene["rgb"]) == rgb.tobytes()
    assert scene["points"] == len(xyz)
    for path, segment in zip(scene["paths"], content.segments, strict=True):
        assert path["name"] == segment.name
        np.testing.assert_allclose(floats(path["xyz"]), segment.positions, rtol=1e-6)


@pytest.mark.parametrize("extent", [0.003, 1.0, 7.7, 42.0, 950.0])
def test_the_grid_has_round_squares_and_lies_under_everything(extent):
    xyz, rgb = random_cloud(400)
    scene = cloud_scene(sample_content(cloud_xyz=xyz * np.float32(extent), cloud_rgb=rgb, segments=()))
    grid, points = floats(scene["grid"]), floats(scene["xyz"])
    assert float(f"{scene['square']:.0e}"[0]) in (1, 2, 5)
    longest = np.ptp(points[:, [0, 2]], axis=0).max()
    assert longest / SQUARES <= scene["square"] * 1.001 <= 3 * longest / SQUARES
    assert (grid[:, 1] == points[:, 1].max()).all()
    for axis in (0, 2):
        assert grid[:, axis].min() <= points[:, axis].min()
        assert grid[:, axis].max() >= points[:, axis].max()
