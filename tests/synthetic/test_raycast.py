import numpy as np
import pytest

from egodepth.synthetic.raycast import FAR, GROUND, SKY, Eye, cast
from egodepth.synthetic.scene import Material, Scene, SceneBuilder, concatenate
from egodepth.synthetic.street import ground_plane

HEIGHT = 1.65


def eye(size: tuple[int, int] = (96, 320)) -> Eye:
    return Eye(np.eye(3), np.array([0.0, -HEIGHT, 0.0]), np.array([0.58, 1.92]), np.array([0.5, 0.48]), size)


def with_ground(*builders: SceneBuilder) -> Scene:
    return concatenate([ground_plane(), *(builder.build() for builder in builders)])


def rays(eye: Eye) -> tuple[np.ndarray, np.ndarray]:
    x, y = eye.directions()
    return np.broadcast_arrays(x[0][None, :].astype(float), y[0][:, None].astype(float))


def test_the_ground_is_as_deep_as_the_camera_height_over_the_slope_of_the_ray() -> None:
    hits = cast(with_ground(), eye())
    _, y = rays(eye())
    is_ground = hits.face[0] == GROUND
    np.testing.assert_allclose(1 / hits.inverse_depth[0][is_ground], HEIGHT / y[is_ground], rtol=1e-5)
    np.testing.assert_array_equal(is_ground, HEIGHT / np.maximum(y, 1e-9) <= FAR)
    assert (hits.inverse_depth[0][hits.face[0] == SKY] == 0).all()


def test_the_face_of_a_box_that_looks_at_the_camera_has_its_own_depth_everywhere() -> None:
    builder = SceneBuilder()
    builder.box((-2.0, 0.0, 10.0), (2.0, 3.0, 12.0), (Material.PLAIN,), (0.5, 0.5, 0.5))
    hits = cast(with_ground(builder), eye())
    x, y = rays(eye())
    inside = (np.abs(x * 10) < 2) & (y * 10 < HEIGHT) & (y * 10 > HEIGHT - 3)
    np.testing.assert_allclose(1 / hits.inverse_depth[0][inside], 10, rtol=1e-5)
    assert (hits.face[0][inside] == 1).all()
    assert (hits.face[0][~inside] <= GROUND).all()


def test_the_side_of_a_box_is_met_where_its_plane_is() -> None:
    builder = SceneBuilder()
    builder.box((2.0, 0.0, 5.0), (4.0, 3.0, 20.0), (Material.PLAIN,), (0.5, 0.5, 0.5))
    hits = cast(with_ground(builder), eye())
    x, _ = rays(eye())
    left_face = hits.face[0] == 4
    assert left_face.sum() > 500
    np.testing.assert_allclose(1 / hits.inverse_depth[0][left_face], 2 / x[left_face], rtol=1e-5)


def test_an_ellipsoid_is_met_at_the_nearer_root_of_its_quadratic() -> None:
    builder = SceneBuilder()
    builder.ellipsoid((0.5, 2.0, 12.0), (2.0, 1.0, 2.0), Material.FOLIAGE, (0.2, 0.4, 0.1))
    hits = cast(with_ground(builder), eye())
    x, y = rays(eye())
    rows = hits.face[0] == 1
    points = np.stack([x, y, np.ones_like(x)], -1)[rows] / hits.inverse_depth[0][rows, None] + (0, -HEIGHT, 0)
    unit = (points - (0.5, -2.0, 12.0)) / (2.0, 1.0, 2.0)
    assert rows.sum() > 300
    np.testing.assert_allclose((unit**2).sum(1), 1, atol=1e-3)
    assert (points[:, 2] < 12.1).all()


def test_the_nearer_of_two_solids_hides_the_other_whatever_their_order() -> None:
    near, far = SceneBuilder(), SceneBuilder()
    near.box((-1.0, 0.0, 8.0), (1.0, 2.0, 9.0), (Material.PLAIN,), (0.5, 0.5, 0.5))
    far.box((-3.0, 0.0, 15.0), (3.0, 5.0, 16.0), (Material.PLAIN,), (0.5, 0.5, 0.5))
    depths = [cast(with_ground(*pair), eye()).inverse_depth for pair in ((near, far), (far, near))]
    np.testing.assert_array_equal(*depths)
    assert 1 / depths[0][0, 48, 160] == pytest.approx(8, rel=1e-5)


def test_a_placed_solid_turns_and_moves_as_its_pose_says() -> None:
    builder = SceneBuilder()
    builder.box((-1.0, 0.0, -0.5), (1.0, 2.0, 0.5), (Material.PLAIN,), (0.5, 0.5, 0.5))
    pose = np.eye(4)
    pose[:3, :3] = [[0, 0, 1], [0, 1, 0], [-1, 0, 0]]  # a quarter turn to the right
    pose[:3, 3] = 0, 0, 10
    hits = cast(concatenate([ground_plane(), builder.build().placed(pose, body=3)]), eye())
    assert 1 / hits.inverse_depth[0, 48, 160] == pytest.approx(9, rel=1e-5)


def test_solids_behind_the_camera_or_around_it_hide_nothing() -> None:
    behind, around = SceneBuilder(), SceneBuilder()
    behind.box((-5.0, 0.0, -20.0), (5.0, 5.0, -2.0), (Material.PLAIN,), (0.5, 0.5, 0.5))
    around.box((-1.0, 0.0, -1.0), (1.0, 3.0, 1.0), (Material.PLAIN,), (0.5, 0.5, 0.5))
    around.ellipsoid((0.0, 1.5, 0.0), (1.0, 1.0, 1.0), Material.FOLIAGE, (0.5, 0.5, 0.5))
    np.testing.assert_array_equal(cast(with_ground(behind, around), eye()).face, cast(with_ground(), eye()).face)
