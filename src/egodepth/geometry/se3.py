"""Rigid motions as plain 4x4 matrices, named `b_from_a`: they map points from a's axes to b's."""

import torch
from jaxtyping import Float
from torch import Tensor


def _cross_matrix(vector: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).unflatten(-1, (3, 3))


def rotation_from_axis_angle(axis_angle: Float[Tensor, "*b 3"]) -> Float[Tensor, "*b 3 3"]:
    """Return rotation matrices by Rodrigues' formula, exact and differentiable at zero angle, too.

    Args:
        axis_angle: the rotation axis times the angle in radians.
    """
    squared = (axis_angle * axis_angle).sum(-1)[..., None, None]
    # Below this the Taylor series is exact for the dtype; `safe` keeps the gradient of the unused branch finite.
    tiny = squared < (1e-4 if axis_angle.dtype == torch.float64 else 1e-3)
    safe = torch.where(tiny, torch.ones_like(squared), squared)
    angle = safe.sqrt()
    series_sin = 1 - squared / 6 * (1 - squared / 20 * (1 - squared / 42))
    series_cos = 0.5 * (1 - squared / 12 * (1 - squared / 30 * (1 - squared / 56)))
    sin_over_angle = torch.where(tiny, series_sin, angle.sin() / angle)
    versine_over_squared = torch.where(tiny, series_cos, (1 - angle.cos()) / safe)
    cross = _cross_matrix(axis_angle)
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return identity + sin_over_angle * cross + versine_over_squared * (cross @ cross)


def transform_from_axis_angle(
    axis_angle: Float[Tensor, "*b 3"], translation: Float[Tensor, "*b 3"], invert: bool = False
) -> Float[Tensor, "*b 4 4"]:
    """Return the transform T(translation) R(axis_angle), which rotates and then translates; or its inverse.

    Args:
        axis_angle: radians.
        translation: in the units of the depth.
        invert: return the inverse, R^T T(-translation), for a source before the target.

    Example:
        >>> transform_from_axis_angle(torch.tensor([0.0, 0.0, 0.0]), torch.tensor([1.0, 2.0, 3.0]))
        tensor([[1., 0., 0., 1.],
                [0., 1., 0., 2.],
                [0., 0., 1., 3.],
                [0., 0., 0., 1.]])
    """
    rotation = rotation_from_axis_angle(axis_angle)
    if invert:
        rotation = rotation.transpose(-1, -2)
        translation = -(rotation @ translation[..., None])[..., 0]
    top = torch.cat([rotation, translation[..., None]], -1)
    bottom = top.new_tensor([0.0, 0.0, 0.0, 1.0]).expand(*top.shape[:-2], 1, 4)
    return torch.cat([top, bottom], -2)


def twist_of(b_from_a: Float[Tensor, "*b 4 4"]) -> Float[Tensor, "*b 6"]:
    """Return the logarithm of transforms with less than a half turn: axis-angle, then translation along the screw.

    Half of a twist is half of the motion: `transform_from_twist` of it, applied twice, gives the whole.
    """
    rotation, translation = b_from_a[..., :3, :3], b_from_a[..., :3, 3]
    skew = (rotation - rotation.transpose(-1, -2)) / 2
    axis = torch.stack([skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0]], -1)
    sine = axis.norm(dim=-1, keepdim=True)
    cosine = (rotation.diagonal(dim1=-2, dim2=-1).sum(-1, keepdim=True) - 1) / 2
    angle = torch.atan2(sine, cosine)
    axis_angle = axis * torch.where(sine > 1e-9, angle / sine.clamp(min=1e-9), torch.ones_like(sine))
    cross = _cross_matrix(axis_angle)
    squared = angle.square()[..., None].clamp(min=1e-12)
    # (1 - half angle times its cotangent) / angle^2, which is 1/12 at zero.
    half = angle[..., None].clamp(min=1e-6) / 2
    factor = torch.where(angle[..., None] < 1e-3, torch.full_like(squared, 1 / 12), (1 - half / half.tan()) / squared)
    identity = torch.eye(3, dtype=rotation.dtype, device=rotation.device)
    along = (identity - cross / 2 + factor * (cross @ cross)) @ translation[..., None]
    return torch.cat([axis_angle, along[..., 0]], -1)


def transform_from_twist(twist: Float[Tensor, "*b 6"]) -> Float[Tensor, "*b 4 4"]:
    """Return the exponential of twists, the inverse of `twist_of`: constant screw motion for one unit of time."""
    generator = twist.new_zeros(*twist.shape[:-1], 4, 4)
    generator[..., :3, :3], generator[..., :3, 3] = _cross_matrix(twist[..., :3]), twist[..., 3:]
    return torch.linalg.matrix_exp(generator)


def transform_points(b_from_a: Float[Tensor, "b 4 4"], points: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """Return points of a's axes in b's axes."""
    moved = b_from_a[:, :3, :3] @ points.flatten(2) + b_from_a[:, :3, 3:]
    return moved.unflatten(2, points.shape[2:])


def mirrored_transform(b_from_a: Float[Tensor, "*b 4 4"]) -> Float[Tensor, "*b 4 4"]:
    """Return the transform between the same two cameras in a world mirrored left to right."""
    sign = b_from_a.new_tensor([-1.0, 1.0, 1.0, 1.0])
    return b_from_a * sign[:, None] * sign
