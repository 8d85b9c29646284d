"""Motion between two views from points that were found in both: direction and turn, but no length.

The epipolar constraint (Longuet-Higgins 1981) in Sampson's first-order error (Hartley and Zisserman 2004, section
11.4.3), minimised over the five numbers that it determines by Levenberg-Marquardt with Cauchy's weights, so that what
moves by itself does not count.
"""

import torch
from jaxtyping import Float, Float64
from torch import Tensor

from egodepth.geometry.se3 import rotation_from_axis_angle

FEWEST = 20
"""Points that a motion needs; five determine it, and many of these are wrong."""
AGREEING = 0.25
"""The share of the points by which motions are compared: on rendered streets half of what is followed jumps to the
next tree."""
_STARTS = (
    *(((0.0, 0.0, 1.0), turn) for turn in (0.0, -0.01, 0.01, -0.03, 0.03)),
    ((1.0, 0.0, 0.0), 0.0),
    ((0.0, 1.0, 0.0), 0.0),
)
"""Directions, and turns about the y axis (radians), that the search begins with: along the axis, as a car drives,
straight on and around bends (small turns pass for motion to the side: local minima), to the side and up."""
_STEPS, _DAMPINGS = 30, 6
_AGREED = 1e-3
"""Points with larger errors were not found where the motion takes them: half a pixel of 640 at 60 degrees."""
_FINEST = 2e-5
"""Errors below are noise, rays at depth 1: a hundredth of a pixel of 640 at 60 degrees."""


def relative_pose(first: Float64[Tensor, "n 3"], second: Float64[Tensor, "n 3"]) -> Float64[Tensor, "4 4"] | None:
    """second_from_first, of length 1, that the best quarter agrees with best; None with fewer points than `FEWEST`.

    Points that belong to nothing have a motion, too, and a camera that only turned has some direction: whether there
    is one to be told has to be known before.

    Args:
        first: viewing rays (z = 1) of the points in the first view.
        second: of the same points in the second.
    """
    if len(first) < FEWEST:
        return None
    fits = [_fitted(first, second, first.new_tensor(direction), turn) for direction, turn in _STARTS]
    rotation, translation, _ = min(fits, key=lambda fit: fit[2])
    if _votes(first, second, rotation, translation).sum() < 0:
        translation = -translation
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3], pose[:3, 3] = rotation, translation
    return pose


def _fitted(
    first: Float64[Tensor, "n 3"], second: Float64[Tensor, "n 3"], translation: Float64[Tensor, "3"], turn: float
) -> tuple[Float64[Tensor, "3 3"], Float64[Tensor, "3"], float]:
    """Rotation, direction and error of the minimum next to this direction and turn about the y axis."""
    rotation, damping = rotation_from_axis_angle(first.new_tensor([0.0, turn, 0.0])), 1e-3
    for _ in range(_STEPS):
        error, jacobian = _linearised(first, second, rotation, translation)
        scale = max(2 * _error_of(error), _FINEST)
        weighted = jacobian.T / (1 + (error / scale).square())
        normal, gradient = weighted @ jacobian, weighted @ error
        for _ in range(_DAMPINGS):
            step = -torch.linalg.solve(normal + damping * (normal.diagonal() + 1e-12).diag(), gradient)
            candidate = _moved(step, rotation, translation)
            if _cost(_sampson_error(first, second, *candidate), scale) < _cost(error, scale):
                break
            damping *= 5
        else:
            break
        (rotation, translation), damping = candidate, max(damping / 5, 1e-7)
        if step.abs().max() < 1e-7:
            break
    return rotation, translation, _error_of(_sampson_error(first, second, rotation, translation))


def _moved(
    step: Float64[Tensor, "5"], rotation: Float64[Tensor, "3 3"], translation: Float64[Tensor, "3"]
) -> tuple[Float64[Tensor, "3 3"], Float64[Tensor, "3"]]:
    """Rotation turned by the first three numbers, direction moved along the sphere by the others."""
    shifted = translation + step[3:] @ torch.linalg.svd(translation[None]).Vh[1:]
    return rotation_from_axis_angle(step[:3]) @ rotation, shifted / shifted.norm()


def _linearised(
    first: Float64[Tensor, "n 3"],
    second: Float64[Tensor, "n 3"],
    rotation: Float64[Tensor, "3 3"],
    translation: Float64[Tensor, "3"],
) -> tuple[Float64[Tensor, " n"], Float64[Tensor, "n 5"]]:
    """Errors of the points, and how they change with a step: by differences, whose error is next to nothing."""
    error = _sampson_error(first, second, rotation, translation)
    small = 1e-6 * torch.eye(5, dtype=torch.float64)
    after = [_sampson_error(first, second, *_moved(step, rotation, translation)) for step in small]
    return error, (torch.stack(after, 1) - error[:, None]) / 1e-6


def _sampson_error(
    first: Float[Tensor, "n 3"], second: Float[Tensor, "n 3"], rotation: Float[Tensor, "3 3"], translation: Tensor
) -> Float[Tensor, " n"]:
    turned = first @ rotation.T
    lines = torch.linalg.cross(translation.expand_as(turned), turned)
    back = torch.linalg.cross(second, translation.expand_as(second)) @ rotation
    slopes = lines[:, :2].square().sum(1) + back[:, :2].square().sum(1)
    return (second * lines).sum(1) / (slopes + 1e-18).sqrt()


def _error_of(error: Float64[Tensor, " n"]) -> float:
    return error.abs().quantile(AGREEING).item()


def _cost(error: Float64[Tensor, " n"], scale: float) -> Float64[Tensor, ""]:
    return (error / scale).square().log1p().sum()


def _votes(
    first: Float64[Tensor, "n 3"], second: Float64[Tensor, "n 3"], rotation: Tensor, translation: Tensor
) -> Float64[Tensor, " n"]:
    """Above 0 for points in front of the first camera, below for those behind it; by parallax and agreement.

    What is near shifts most and is surest. A car that draws away shifts backwards, but by less.
    """
    across = torch.linalg.cross(second, first @ rotation.T)
    signs = -(across * torch.linalg.cross(second, translation.expand_as(second))).sum(1).sign()
    error = _sampson_error(first, second, rotation, translation)
    return signs * across.norm(dim=1) * (error.abs() < _AGREED)
