import math

import numpy as np
import pytest
import torch

from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera, viewing_rays
from egodepth.geometry.distortion import (
    WIDEST_EDGE_DEG,
    FisheyeLens,
    Lens,
    RationalLens,
    distort,
    undistort,
    undistorted_camera,
    undistortion_map,
)

LENSES: dict[str, Lens] = {
    "none": RationalLens(),
    "barrel": RationalLens(-0.28, 0.07, 2e-4, -1e-4),
    "pincushion": RationalLens(0.1, 0.05, -1e-3, 5e-4, 0.01),
    "rational": RationalLens(0.8, 0.2, 1e-4, -2e-4, 0.01, 1.1, 0.4, 0.03),
    "equidistant": FisheyeLens(),
    "fisheye": FisheyeLens(-0.03, 0.01, -0.005, 0.001),
}
CAMERA = Camera(torch.tensor([0.6, 1.05]), torch.tensor([0.49, 0.52]))
some_lens = pytest.mark.parametrize("lens", LENSES.values(), ids=LENSES)


def map_of(lens: Lens, camera: Camera, size: tuple[int, int]) -> torch.Tensor:
    """Normalised (u, v) in the distorted image of `CAMERA` of each pixel of the undistorted one."""
    x, y = undistortion_map(CAMERA, lens, camera, size)
    return (torch.from_numpy(np.stack([x, y], -1)) + 0.5) / torch.tensor(size[::-1])


def rays(limit: float = 0.8) -> torch.Tensor:
    steps = torch.linspace(-limit, limit, 17, dtype=torch.float64)
    return torch.cartesian_prod(steps, steps).reshape(17, 17, 2)


def test_a_point_is_where_opencvs_rational_formula_puts_it(assert_close) -> None:
    # x = .3, y = -.2: r2 = .13, r4 = .0169, r6 = .002197
    radial = (1 - 0.2 * 0.13 + 0.1 * 0.0169 + 0.05 * 0.002197) / (1 + 0.02 * 0.13 - 0.01 * 0.0169 + 0.03 * 0.002197)
    assert radial == pytest.approx(0.97579985 / 1.00249691)
    x = 0.3 * radial + 2 * 0.001 * 0.3 * -0.2 - 0.002 * (0.13 + 2 * 0.09)
    y = -0.2 * radial + 0.001 * (0.13 + 2 * 0.04) + 2 * -0.002 * 0.3 * -0.2
    lens = RationalLens(-0.2, 0.1, 0.001, -0.002, 0.05, 0.02, -0.01, 0.03)
    assert_close(
        distort(torch.tensor([0.3, -0.2], dtype=torch.float64), lens), torch.tensor([x, y], dtype=torch.float64)
    )


def test_a_point_is_where_the_fisheye_polynomial_of_the_angle_puts_it(assert_close) -> None:
    # The ray (.6, .8) is 45 degrees from the axis, at (.6, .8) of its circle.
    angle = math.pi / 4
    distance = angle - 0.1 * angle**3 + 0.05 * angle**5 - 0.02 * angle**7 + 0.01 * angle**9
    point = distort(torch.tensor([0.6, 0.8], dtype=torch.float64), FisheyeLens(-0.1, 0.05, -0.02, 0.01))
    assert_close(point, torch.tensor([0.6 * distance, 0.8 * distance], dtype=torch.float64))
    equidistant = distort(torch.tensor([math.tan(1.2), 0.0], dtype=torch.float64), FisheyeLens())
    assert_close(equidistant, torch.tensor([1.2, 0.0], dtype=torch.float64))


@some_lens
def test_the_axis_stays_where_it_is_and_small_angles_nearly(lens: Lens) -> None:
    assert distort(torch.zeros(2), lens).tolist() == [0, 0]
    assert undistort(torch.zeros(2), lens).tolist() == [0, 0]
    near = torch.tensor([1e-4, -2e-4], dtype=torch.float64)
    torch.testing.assert_close(distort(near, lens), near, rtol=1e-2, atol=1e-6)


@some_lens
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_undistorting_what_was_distorted_gives_it_back(lens: Lens, dtype: torch.dtype, assert_close) -> None:
    there = rays().to(dtype)
    assert_close(undistort(distort(there.double(), lens).to(dtype), lens), there)


@some_lens
def test_a_straight_line_in_space_is_straight_again(lens: Lens) -> None:
    steps = torch.linspace(0, 1, 40, dtype=torch.float64)[:, None]
    start, end = torch.tensor([-3.0, -2.0, 4.0]).double(), torch.tensor([5.0, -1.0, 7.0]).double()
    points = start + steps * (end - start)
    seen = distort(points[:, :2] / points[:, 2:], lens)

    def bend(line: torch.Tensor) -> float:
        """Furthest that a point is from the chord between the ends."""
        along, off = line[-1] - line[0], line - line[0]
        return ((off[:, 0] * along[1] - off[:, 1] * along[0]).abs().max() / along.norm()).item()

    assert bend(undistort(seen, lens)) < 1e-9
    assert (bend(seen) > 1e-3) == (lens != RationalLens())


def test_without_distortion_nothing_changes(assert_close) -> None:
    camera = undistorted_camera(CAMERA, RationalLens())
    assert_close(camera.focal, CAMERA.focal)
    assert_close(camera.centre, CAMERA.centre)
    uv = map_of(RationalLens(), camera, (3, 4))
    assert_close(uv[1, 2], torch.tensor([2.5 / 4, 1.5 / 3]))


@some_lens
def test_no_border_is_empty_and_none_is_cut_without_need(lens: Lens) -> None:
    size = (180, 320)
    camera = undistorted_camera(CAMERA, lens)
    uv = map_of(lens, camera, size)
    assert uv.min() >= 0
    assert uv.max() <= 1
    pixel = torch.tensor([1 / size[1], 1 / size[0]])
    touching = torch.stack([uv[:, 0].amin(0), 1 - uv[:, -1].amax(0), uv[0].amin(0), 1 - uv[-1].amax(0)]) < pixel
    assert (touching[0, 0] and touching[1, 0]) or (touching[2, 1] and touching[3, 1])
    torch.testing.assert_close(camera.focal[1] / camera.focal[0], CAMERA.focal[1] / CAMERA.focal[0])


@some_lens
def test_a_pixel_of_the_map_shows_what_its_ray_meets(lens: Lens) -> None:
    camera = undistorted_camera(CAMERA, lens)
    uv = map_of(lens, camera, (9, 16))
    batched = Camera(camera.focal[None], camera.centre[None])
    expected = viewing_rays(batched, (9, 16))[0, :2].movedim(0, -1)
    there = undistort((uv - CAMERA.centre) / CAMERA.focal, lens)
    torch.testing.assert_close(there, expected, rtol=1e-5, atol=2e-6)


def test_of_a_fisheye_that_sees_behind_itself_a_usable_part_is_kept() -> None:
    """190 degrees across: no pinhole image has room for them."""
    camera = undistorted_camera(Camera(torch.tensor([0.30, 0.53]), torch.tensor([0.5, 0.5])), FisheyeLens())
    edge = 0.5 / camera.focal
    assert math.degrees(math.atan(edge[0].item())) == pytest.approx(WIDEST_EDGE_DEG, abs=0.1)


@pytest.mark.parametrize(
    ("lens", "message"),
    [
        (RationalLens(-0.5), "folds the image: beyond 39 degrees from the axis"),
        (RationalLens(0.3, -0.4), r"folds the image: beyond 4\d degrees"),
        (FisheyeLens(-0.4), "folds the image: beyond 52 degrees"),
        (RationalLens(p1=0.5, p2=0.5), "cannot be inverted|a part of it is mirrored"),
    ],
)
def test_a_distortion_without_an_inverse_is_refused(lens: Lens, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        undistorted_camera(CAMERA, lens)
    assert "\n" not in str(error.value)


def test_rays_that_no_pinhole_image_has_room_for_are_refused() -> None:
    with pytest.raises(InputError, match="more than 80 degrees from the axis"):
        undistort(torch.tensor([[0.1, 0.1], [1.5, 0.0]]), FisheyeLens())


def test_folds_beyond_the_undistorted_image_do_not_matter() -> None:
    """The single coefficient of a simple calibration is often enough for all but the corners, which are cut off."""
    corner = ((torch.tensor([0.0, 0.0]) - CAMERA.centre) / CAMERA.focal)[None].double()
    lens = RationalLens(-0.2)
    with pytest.raises(InputError, match="folds the image: beyond 52 degrees"):
        undistort(corner, lens)
    camera = undistorted_camera(CAMERA, lens)
    uv = map_of(lens, camera, (90, 160))
    assert uv.min() >= 0
    assert uv.max() <= 1
    assert (uv[:, 1:, 0] > uv[:, :-1, 0]).all()
    assert (uv[1:, :, 1] > uv[:-1, :, 1]).all()
