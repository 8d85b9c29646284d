"""Lens distortion: where a real lens puts a ray, its inverse, and the pinhole camera that takes its place.

A ray is (x, y), the point at z = 1 that it goes through; a distorted point is where the lens puts it, in the same
units: image coordinates are `camera.focal * point + camera.centre`, with or without distortion. Two models, as OpenCV
defines and calibrates them (docs.opencv.org/4.x: "Camera Calibration and 3D Reconstruction", "Fisheye camera model").
"""

import math
from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from egodepth.foundation.errors import InputError, require
from egodepth.geometry.camera import Camera, viewing_rays

WIDEST_EDGE_DEG = 60.0
"""From the axis, of an undistorted image's edges: beyond, a pinhole image spends its pixels on its corners."""
_WIDEST_RAY_DEG = 80.0
"""From the axis, of the rays whose distortion matters: the corners of such an image are at 68 degrees."""
_NEAREST_FOLD = 0.9
"""Of a fold's distance from the axis: nearer to it, an image is stretched without limit."""
_PROFILE_STEPS = 4096
_BORDER_STEPS = 64
_NEWTON_STEPS, _TOLERANCE = 30, 1e-10
"""The latter in units of the points: a millionth of a pixel."""
_REMEDY = "calibrate it again, with views of the pattern that reach the image's corners"


class RationalLens(NamedTuple):
    """Radial (rational) and tangential distortion, in the order of OpenCV's coefficients; all zero: none.

    Brown 1966 ("Decentering distortion of lenses") for the tangential part.
    """

    k1: float = 0.0
    k2: float = 0.0
    p1: float = 0.0
    p2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0
    k5: float = 0.0
    k6: float = 0.0


class FisheyeLens(NamedTuple):
    """Distance from the centre as a polynomial of the angle from the axis; all zero: the equidistant fisheye.

    Kannala and Brandt 2006 ("A generic camera model and calibration method for conventional, wide-angle, and fish-eye
    lenses"), eq. 6, with the first coefficient in the focal length.
    """

    k1: float = 0.0
    k2: float = 0.0
    k3: float = 0.0
    k4: float = 0.0


Lens = RationalLens | FisheyeLens


def distort(rays: Float[Tensor, "*n 2"], lens: Lens) -> Float[Tensor, "*n 2"]:
    """Where the lens puts rays."""
    return _rational(rays, lens) if isinstance(lens, RationalLens) else _fisheye(rays, lens)


def undistort(points: Float[Tensor, "*n 2"], lens: Lens) -> Float[Tensor, "*n 2"]:
    """The rays that the lens puts at these points: the inverse of `distort`, by Newton's method from the radial one.

    Raises:
        InputError: the lens has no inverse there: it folds the image, that is, turns back towards the centre or over
            before it gets there. Or a ray would be more than 80 degrees from the axis.
    """
    angles, radii = _growing_branch(lens)
    exact = points.double()
    radius = exact.norm(dim=-1)
    if bool((radius > radii[-1]).any()):
        _require_no_fold(angles)
        raise InputError(f"points whose rays are more than {_WIDEST_RAY_DEG:.0f} degrees from the axis are not undone")
    start = angles[torch.searchsorted(radii, radius).clamp(max=len(radii) - 1)].tan()
    rays = exact * (start / radius.clamp(min=1e-12))[..., None]
    for _ in range(_NEWTON_STEPS):
        value, slopes, turning = _with_slopes(rays, lens)
        error = exact - value
        if bool((error.abs() <= _TOLERANCE).all()):
            break
        swapped = torch.stack([slopes[..., 1, 1], slopes[..., 0, 0]], -1) * error
        rays = rays + (swapped - torch.stack([slopes[..., 0, 1], slopes[..., 1, 0]], -1) * error.flip(-1)) / turning
    else:
        raise InputError(f"the distortion cannot be undone everywhere in the image; {_REMEDY}")
    _require_upright(turning)
    return rays.to(points)


def undistorted_camera(camera: Camera, lens: Lens) -> Camera:
    """The pinhole camera of the undistorted image: as much of the view as leaves no empty border.

    As OpenCV's alpha = 0, but pixels keep their shape, and no edge is more than `WIDEST_EDGE_DEG` from the axis.
    Without distortion it is the camera itself. Where the lens folds only the distorted image's corners, which is what
    calibrations with a single coefficient say of wide lenses, they are cut off.

    Args:
        camera: of the distorted image, unbatched.
        lens: its distortion.

    Raises:
        InputError: the lens folds the image.
    """
    focal, centre = camera.focal.double(), camera.centre.double()
    angles, radii = _growing_branch(lens)
    if (torch.cat([centre, 1 - centre]) / focal.repeat(2)).max() > radii[-1]:  # of the edges, straight from the axis
        _require_no_fold(angles)
    low, high = _inner_rectangle(focal, centre, lens, 0.98 * radii[-1].item())
    edge = math.tan(math.radians(WIDEST_EDGE_DEG))
    low, high = low.clamp(min=-edge), high.clamp(max=edge)
    require(bool(((low < 0) & (high > 0)).all()), f"the distortion leaves no part of the image whole; {_REMEDY}")
    new_focal = focal * (1 / (focal * (high - low))).max()
    found = Camera(new_focal, 0.5 - new_focal * (low + high) / 2)
    corner = (0.5 / new_focal + (low + high).abs() / 2).norm()
    if corner > _NEAREST_FOLD * angles[-1].tan():
        _require_no_fold(angles)
    _require_upright(_with_slopes(_rays(found, (_BORDER_STEPS, _BORDER_STEPS)), lens)[2])
    return Camera(found.focal.to(camera.focal), found.centre.to(camera.centre))


def undistortion_map(camera: Camera, lens: Lens, undistorted: Camera, size: tuple[int, int]) -> Float[Tensor, "h w 2"]:
    """Normalised (u, v) in the distorted image of each pixel of the undistorted one, of `size` (height, width)."""
    return (distort(_rays(undistorted, size), lens) * camera.focal + camera.centre).to(camera.focal)


def _rays(camera: Camera, size: tuple[int, int]) -> Float[Tensor, "h w 2"]:
    """Of every pixel of an unbatched camera's image, in double precision."""
    batched = Camera(camera.focal.double()[None], camera.centre.double()[None])
    return viewing_rays(batched, size)[0, :2].movedim(0, -1)


def _rational(rays: Float[Tensor, "*n 2"], lens: RationalLens) -> Float[Tensor, "*n 2"]:
    k1, k2, p1, p2, k3, k4, k5, k6 = lens
    x, y = rays.unbind(-1)
    r2 = x * x + y * y
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    x_shift = 2 * p1 * x * y + p2 * (r2 + 2 * x * x)
    y_shift = p1 * (r2 + 2 * y * y) + 2 * p2 * x * y
    return torch.stack([x * radial + x_shift, y * radial + y_shift], -1)


def _fisheye(rays: Float[Tensor, "*n 2"], lens: FisheyeLens) -> Float[Tensor, "*n 2"]:
    k1, k2, k3, k4 = lens
    radius = (rays * rays).sum(-1).clamp(min=1e-20).sqrt()  # of the axis itself: the limit, with finite slopes
    angle = radius.atan()
    a2 = angle * angle
    distance = angle * (1 + a2 * (k1 + a2 * (k2 + a2 * (k3 + a2 * k4))))
    return rays * (distance / radius)[..., None]


def _growing_branch(lens: Lens) -> tuple[Float[Tensor, " m"], Float[Tensor, " m"]]:
    """Angles from the axis, radians, up to where the image stops to grow with them, and how far from the centre it is.

    Of the radial part alone: the tangential one is small beside it where a lens is one.
    """
    angles = torch.linspace(0, math.radians(_WIDEST_RAY_DEG), _PROFILE_STEPS, dtype=torch.float64)
    radial = lens._replace(p1=0.0, p2=0.0) if isinstance(lens, RationalLens) else lens
    radii = distort(torch.stack([angles.tan(), torch.zeros_like(angles)], -1), radial)[:, 0]
    grows = (radii.diff() > 0).int().cumprod(0)
    growing = 1 + int(grows.sum())
    return angles[:growing], radii[:growing].contiguous()


def _inner_rectangle(
    focal: Float[Tensor, "2"], centre: Float[Tensor, "2"], lens: Lens, furthest: float
) -> tuple[Float[Tensor, "2"], Float[Tensor, "2"]]:
    """Low and high (x, y) of the rays of which all that lie between are in the image.

    What is further from its centre than `furthest`, where the lens may have no inverse, is taken for what is not.
    """
    along = torch.linspace(0, 1, _BORDER_STEPS + 1, dtype=torch.float64)
    zero, one = torch.zeros_like(along), torch.ones_like(along)
    left, right, top, bottom = ((zero, along), (one, along), (along, zero), (along, one))
    border = (torch.stack([torch.stack(edge, -1) for edge in (left, right, top, bottom)]) - centre) / focal
    border = border * (furthest / border.norm(dim=-1, keepdim=True).clamp(min=1e-12)).clamp(max=1)
    rays = undistort(border, lens)
    low = torch.stack([rays[0, :, 0].max(), rays[2, :, 1].max()])
    high = torch.stack([rays[1, :, 0].min(), rays[3, :, 1].min()])
    return low, high


def _with_slopes(
    rays: Float[Tensor, "*n 2"], lens: Lens
) -> tuple[Float[Tensor, "*n 2"], Float[Tensor, "*n 2 2"], Float[Tensor, "*n 1"]]:
    """`distort`, its Jacobian (rows: x and y of the point), and its determinant: negative where the image is folded."""
    with torch.inference_mode(False), torch.enable_grad():
        rays = rays.clone().requires_grad_()
        value = distort(rays, lens)
        rows = [torch.autograd.grad(value[..., row].sum(), rays, retain_graph=row == 0)[0] for row in (0, 1)]
    slopes = torch.stack(rows, -2)
    turning = slopes[..., 0, 0] * slopes[..., 1, 1] - slopes[..., 0, 1] * slopes[..., 1, 0]
    return value.detach(), slopes, turning[..., None]


def _require_no_fold(angles: Float[Tensor, " m"]) -> None:
    """Refuse what is beyond the growing branch, if that ends in a fold."""
    if len(angles) < _PROFILE_STEPS:
        raise InputError(
            f"the distortion folds the image: beyond {math.degrees(angles[-1].item()):.0f} degrees from the axis its "
            f"points come back towards the centre; {_REMEDY}"
        )


def _require_upright(turning: Float[Tensor, "*n 1"]) -> None:
    require(bool((turning > 0).all()), f"the distortion folds the image: a part of it is turned over; {_REMEDY}")
