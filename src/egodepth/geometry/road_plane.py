"""Scale by the camera's height over the road (Song and Chandraker 2014; dense constraints: Xue et al. 2020).

On a plane n . X = h with unit normal n, inverse depth is linear in the viewing ray: 1/z = (n / h) . ray, as rows of
the road are in a v-disparity map (Labayrade et al. 2002). So q = n / h is fitted to inverse depths, by RANSAC
(Fischler and Bolles 1981) and then by least squares on relative errors, and the height is 1 / |q|.
"""

import math

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from egodepth.geometry.camera import Camera, viewing_rays

ROWS, COLUMNS = (0.6, 0.98), (0.25, 0.75)
"""The lower centre of the image, in shares of it: road, unless a car is close."""
BELOW_CENTRE = 0.1
"""Rows begin at least this far below the camera's centre: a level camera has its horizon at the centre."""
STEEPEST_DEG = 10.0
"""Largest angle between the plane's normal and the camera's y axis. A road is not steeper."""
TOLERANCE = 0.05
"""Relative error of depth within which a pixel belongs to the plane: twice the error of triangulation on a near road.
With 10 %, the feet of objects on the road join the plane and tilt it."""
LEAST_SHARE = 0.25
"""Least share of the pixels that must belong to the plane."""
LEAST_KNOWN = 0.1
"""Least share of the pixels in the region whose depth must be known."""
_HYPOTHESES = 200
_MOST_PIXELS = 4000

Rays = Float64[np.ndarray, "n 3"]


def camera_height(
    inverse_depth: Float[Tensor, "h w"], camera: Camera, seed: int = 0, known: Bool[Tensor, "h w"] | None = None
) -> float | None:
    """Return the camera's height over the road in units of the depth; None without a plane. See `road_plane`."""
    q = road_plane(inverse_depth, camera, seed, known)
    return None if q is None else 1 / float(np.linalg.norm(q))


def road_plane(
    inverse_depth: Float[Tensor, "h w"],
    camera: Camera,
    seed: int = 0,
    known: Bool[Tensor, "h w"] | None = None,
    least_known: float = LEAST_KNOWN,
) -> Float64[np.ndarray, "3"] | None:
    """Return the road's q. Its inverse depth along a viewing ray is q . ray. None if no plane is found.

    Args:
        inverse_depth: inverse depth of one image.
        camera: its camera, unbatched.
        seed: seed of RANSAC's draws.
        known: mask of the pixels with valid depth; all by default.
        least_known: least share of pixels of the lower centre whose depth must be known.
    """
    known = torch.ones_like(inverse_depth) > 0 if known is None else known
    rays, inverse = _road_pixels(inverse_depth, camera, known, least_known)
    if len(inverse) < 3:
        return None
    q = _best_hypothesis(rays, inverse, np.random.default_rng(seed))
    for _ in range(3):
        if q is None:
            return None
        near = _relative_error(rays, inverse, q) < TOLERANCE
        if near.mean() < LEAST_SHARE:
            return None
        q = _fitted(rays[near], inverse[near], q)
    return q if q is not None and _is_level(q) else None


def exact_rays(camera: Camera, size: tuple[int, int]) -> Float64[Tensor, "3 h w"]:
    """Return the viewing rays of an unbatched camera in double precision, for plane fitting."""
    return viewing_rays(Camera(camera.focal[None].double(), camera.centre[None].double()), size)[0]


def _road_pixels(
    inverse_depth: Float[Tensor, "h w"], camera: Camera, known: Bool[Tensor, "h w"], least_known: float
) -> tuple[Rays, Float64[np.ndarray, " n"]]:
    """Return viewing rays and inverse depths of the known pixels of the lower centre, evenly thinned."""
    height, width = inverse_depth.shape
    rays = exact_rays(camera, (height, width))
    top = max(ROWS[0], camera.centre[1].item() + BELOW_CENTRE)
    rows = slice(round(top * height), round(ROWS[1] * height))
    columns = slice(round(COLUMNS[0] * width), round(COLUMNS[1] * width))
    chosen = known[rows, columns]
    part, values = rays[:, rows, columns][:, chosen].T.numpy(), inverse_depth[rows, columns][chosen]
    if len(values) < least_known * chosen.numel():
        return part[:0], values.to(torch.float64).numpy()[:0]
    step = max(1, len(part) // _MOST_PIXELS)
    return part[::step], values.to(torch.float64).numpy()[::step]


def _best_hypothesis(
    rays: Rays, inverse: Float64[np.ndarray, " n"], rng: np.random.Generator
) -> Float64[np.ndarray, "3"] | None:
    """Return the plane through three pixels with the most inliers."""
    picked = rng.integers(0, len(rays), (_HYPOTHESES, 3))
    matrices = rays[picked]
    sound = np.abs(np.linalg.det(matrices)) > 1e-6 * np.abs(matrices).max() ** 3
    if not sound.any():
        return None
    planes = np.linalg.solve(matrices[sound], inverse[picked[sound]][..., None])[..., 0]
    planes = planes[[_is_level(q) for q in planes]]
    if not len(planes):
        return None
    # q . X = 1 on the plane: the error is relative to the depth, and to the height.
    counts = (np.abs(rays @ planes.T / inverse[:, None] - 1) < TOLERANCE).sum(0)
    return planes[counts.argmax()]


def _fitted(
    rays: Rays, inverse: Float64[np.ndarray, " n"], q: Float64[np.ndarray, "3"]
) -> Float64[np.ndarray, "3"] | None:
    """Fit by least squares on errors relative to the fitted inverse depth, so that noise causes no bias."""
    weights = 1 / (rays @ q)
    if not np.isfinite(weights).all() or (weights <= 0).any():
        return None
    return np.linalg.lstsq(rays * weights[:, None], inverse * weights, rcond=None)[0]


def _relative_error(
    rays: Rays, inverse: Float64[np.ndarray, " n"], q: Float64[np.ndarray, "3"]
) -> Float64[np.ndarray, " n"]:
    return np.abs(rays @ q / inverse - 1)


def _is_level(q: Float64[np.ndarray, "3"]) -> bool:
    """Whether the plane is below the camera and its normal is near the y axis, which points down."""
    return bool(q[1] > math.cos(math.radians(STEEPEST_DEG)) * np.linalg.norm(q) > 0)
