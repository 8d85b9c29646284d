"""The method a second time: slow, plain, float64 numpy, one sample at a time, to check the real one against.

Derived from the paper (Godard et al. 2019, section 3) alone: it shares no code and, where it can, no way of computing
with `egodepth`: cameras are 3x3 matrices, variances are taken window by window, samples are looked up by index.
Images are (channels, h, w); image coordinates run from 0 to 1, edge to edge.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

Array = np.ndarray


@dataclass(frozen=True)
class Source:
    """A frame to warp from; `pose` takes points in the target's axes to this frame's."""

    image: Array
    matrix: Array
    pose: Array


@dataclass(frozen=True)
class Sample:
    """One target frame, its sources, and what the networks said: disparities at 1/1, 1/2, 1/4, 1/8."""

    target: Array
    matrix: Array
    sources: list[Source]
    disparities: list[Array]
    masks: list[Array] = field(default_factory=list)


@dataclass(frozen=True)
class Method:
    """Which parts of the method are on."""

    minimum: bool = True
    automask: bool = True
    full: bool = True
    scaled: bool = False
    ssim_weight: float = 0.85
    min_depth: float = 0.1
    max_depth: float = 100.0


def rotation(axis_angle: Array) -> Array:
    """Rodrigues: I + sin(a) K + (1 - cos(a)) K^2, K the cross-product matrix of the unit axis."""
    angle = np.linalg.norm(axis_angle)
    if angle == 0:
        return np.eye(3)
    x, y, z = axis_angle / angle
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


def transform(axis_angle: Array, translation: Array, invert: bool = False) -> Array:
    """T(t) R(r) as a 4x4 matrix, or its inverse."""
    turn, shift = np.eye(4), np.eye(4)
    turn[:3, :3], shift[:3, 3] = rotation(axis_angle), translation
    return np.linalg.inv(shift @ turn) if invert else shift @ turn


def camera_matrix(focal: Array, centre: Array) -> Array:
    """K of a camera in normalised coordinates."""
    return np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])


def pixel_centres(height: int, width: int) -> Array:
    """(u, v) of every pixel centre, shape (2, h, w)."""
    rows, columns = np.indices((height, width))
    return np.stack([(columns + 0.5) / width, (rows + 0.5) / height])


def warp_coordinates(depth: Array, matrix: Array, source: Source) -> Array:
    """Where each target pixel lies in the source: project(pose * backproject(depth)), shape (2, h, w)."""
    height, width = depth.shape
    homogeneous = np.concatenate([pixel_centres(height, width), np.ones((1, height, width))]).reshape(3, -1)
    points = np.linalg.inv(matrix) @ homogeneous * depth.reshape(1, -1)
    moved = (source.pose @ np.concatenate([points, np.ones_like(points[:1])]))[:3]
    image = source.matrix @ moved
    return (image[:2] / image[2:]).reshape(2, height, width)


def sample(image: Array, uv: Array) -> Array:
    """Bilinear look-up at normalised coordinates; beyond the outermost pixel centres the border's value goes on."""
    height, width = image.shape[-2:]
    x, y = np.clip(uv[0] * width - 0.5, 0, width - 1), np.clip(uv[1] * height - 0.5, 0, height - 1)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    ax, ay = x - left, y - top
    upper = image[..., top, left] * (1 - ax) + image[..., top, right] * ax
    lower = image[..., bottom, left] * (1 - ax) + image[..., bottom, right] * ax
    return upper * (1 - ay) + lower * ay


def resize_up(values: Array, size: tuple[int, int]) -> Array:
    """Bilinear enlargement: the look-up at the pixel centres of the larger image."""
    return sample(values, pixel_centres(*size))


def resize_down(image: Array, size: tuple[int, int]) -> Array:
    """Mean of the block of pixels under each pixel of the smaller image."""
    height, width = size
    rows, columns = image.shape[-2] // height, image.shape[-1] // width
    return image.reshape(*image.shape[:-2], height, rows, width, columns).mean((-3, -1))


def ssim(x: Array, y: Array) -> Array:
    """Structural similarity over 3x3 windows (Wang et al. 2004), reflected at the border, per channel."""
    border = [(0, 0)] * (x.ndim - 2) + [(1, 1), (1, 1)]
    wx = sliding_window_view(np.pad(x, border, mode="reflect"), (3, 3), (-2, -1))
    wy = sliding_window_view(np.pad(y, border, mode="reflect"), (3, 3), (-2, -1))
    mx, my = wx.mean((-2, -1)), wy.mean((-2, -1))
    vx, vy = wx.var((-2, -1)), wy.var((-2, -1))
    covariance = ((wx - mx[..., None, None]) * (wy - my[..., None, None])).mean((-2, -1))
    c1, c2 = 0.01**2, 0.03**2
    return (2 * mx * my + c1) * (2 * covariance + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))


def photometric_error(a: Array, b: Array, ssim_weight: float = 0.85) -> Array:
    """Eq. 2: SSIM dissimilarity and absolute difference, each the mean over the channels, shape (h, w)."""
    dissimilarity = np.clip((1 - ssim(a, b)) / 2, 0, 1).mean(-3)
    return ssim_weight * dissimilarity + (1 - ssim_weight) * np.abs(a - b).mean(-3)


def smoothness(disparity: Array, image: Array) -> float:
    """Eq. 3: gradients of the mean-normalised disparity, less where the image has edges."""
    normal = disparity / (disparity.mean() + 1e-7)
    across = np.abs(np.diff(normal, axis=1)) * np.exp(-np.abs(np.diff(image, axis=2)).mean(0))
    down = np.abs(np.diff(normal, axis=0)) * np.exp(-np.abs(np.diff(image, axis=1)).mean(0))
    return across.mean() + down.mean()


def depth_of(disparity: Array, method: Method) -> Array:
    """Depth from the sigmoid output, min_depth at 1 and max_depth at 0."""
    far, near = 1 / method.max_depth, 1 / method.min_depth
    return 1 / (far + (near - far) * disparity)


def lower_median(values: Array) -> float:
    """The middle value; of two middle values the smaller."""
    return np.sort(values, axis=None)[(values.size - 1) // 2]


def photometric_terms(one: Sample, scale: int, method: Method) -> dict[str, float]:
    """Photometric loss of one sample at one scale, the share of pixels kept, and the mask's cross-entropy."""
    size = one.target.shape[-2:] if method.full else one.disparities[scale].shape
    depth = depth_of(resize_up(one.disparities[scale], size), method)
    if method.scaled:
        depth = depth / lower_median(depth_of(one.disparities[0], method))
    target, images = resize_down(one.target, size), [resize_down(source.image, size) for source in one.sources]
    warped = [
        sample(image, warp_coordinates(depth, one.matrix, source))
        for image, source in zip(images, one.sources, strict=True)
    ]
    errors = np.stack([photometric_error(image, target, method.ssim_weight) for image in warped])
    combine = np.min if method.minimum else np.mean
    if one.masks:
        errors = errors * resize_up(one.masks[scale], size)
        return {"photometric": combine(errors, axis=0).mean(), "kept": 1.0, "mask": -np.log(one.masks[scale]).mean()}
    error = combine(errors, axis=0)
    if not method.automask:
        return {"photometric": error.mean(), "kept": 1.0, "mask": 0.0}
    still = combine([photometric_error(image, target, method.ssim_weight) for image in images], axis=0)
    return {"photometric": np.minimum(error, still).mean(), "kept": (error < still).mean(), "mask": 0.0}


def objective(samples: list[Sample], method: Method, smoothness_weight: float = 1e-3) -> dict[str, float]:
    """The whole loss: mean over samples and over the four scales, smoothness halved at each coarser scale."""
    scales = range(len(samples[0].disparities))
    terms = [photometric_terms(one, scale, method) for one in samples for scale in scales]
    means = {name: float(np.mean([term[name] for term in terms])) for name in terms[0]}
    smooth = [
        smoothness(one.disparities[scale], resize_down(one.target, one.disparities[scale].shape)) / 2**scale
        for one in samples
        for scale in scales
    ]
    means["smoothness"] = float(np.mean(smooth))
    means["loss"] = means["photometric"] + smoothness_weight * means["smoothness"] + 0.2 * means["mask"]
    return means
