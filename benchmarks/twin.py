"""The training step as it is commonly written, for comparison: nothing is shared, batched or computed by hand.

One warp and one loss a scale and source, the unwarped errors and the target's statistics anew at each scale, cameras as
inverted matrices, the networks in contiguous memory, a pose pass a neighbour. The values are those of `objective.py`
(tests compare them); only the way there is longer.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, grid_sample, interpolate, pad

from egodepth.config import TrainConfig
from egodepth.data.batch import Batch, View
from egodepth.geometry import Camera, transform_from_axis_angle
from egodepth.networks import DepthNet, PoseNet, disparity_to_depth, translation_in_depth_units
from egodepth.networks.plain import as_commonly_written


class PlainTwin(nn.Module):
    """Published training on video alone (M): minimum reprojection, auto-mask, full-resolution multi-scale."""

    def __init__(self, depth_net: DepthNet, pose_net: PoseNet, config: TrainConfig) -> None:
        """Take the networks; of the configuration the offsets, depth limits, SSIM's share and the smoothness count."""
        super().__init__()
        self.depth_net, self.pose_net, self.config = depth_net, pose_net, config
        as_commonly_written(self.depth_net)

    def forward(self, batch: Batch) -> Float[Tensor, ""]:
        """The loss of a batch."""
        disparities = self.depth_net(batch.target.image)
        return self.loss_from(disparities, self.poses(batch, disparities[0]), batch)

    def poses(self, batch: Batch, disparity: Float[Tensor, "b h w"]) -> list[Tensor]:
        """source_from_target of every neighbour."""
        model, target, found = self.config.model, batch.target.image, []
        depth = disparity_to_depth(disparity, model.min_depth, model.max_depth)
        for view, offset in zip(batch.neighbours, self.config.data.offsets, strict=True):
            pair = (view.image, target) if offset < 0 else (target, view.image)
            axis_angle, translation = self.pose_net(*pair)
            translation = translation_in_depth_units(self.pose_net, translation, depth, model, False)
            found.append(transform_from_axis_angle(axis_angle, translation, invert=offset < 0))
        return found

    def loss_from(self, disparities: list[Tensor], poses: list[Tensor], batch: Batch) -> Float[Tensor, ""]:
        """The loss from given disparities and poses."""
        config, target = self.config, batch.target.image
        total = target.new_zeros(())
        for scale, disparity in enumerate(disparities):
            full = interpolate(disparity[:, None], target.shape[-2:], mode="bilinear", align_corners=False)
            depth = disparity_to_depth(full, config.model.min_depth, config.model.max_depth)
            warped, unwarped = [], []
            for view, pose in zip(batch.neighbours, poses, strict=True):
                image = _warped(view, depth, pose, batch.target.camera)
                warped.append(_photometric_error(image, target, config.loss.ssim_weight))
                unwarped.append(_photometric_error(view.image, target, config.loss.ssim_weight))
            errors = torch.cat([torch.cat(unwarped, 1).amin(1, keepdim=True), torch.cat(warped, 1)], 1)
            colours = interpolate(target, disparity.shape[-2:], mode="area")
            total = total + errors.amin(1).mean()
            total = total + config.loss.smoothness * _smoothness(disparity[:, None], colours) / 2**scale
        return total / len(disparities)


def _matrix(camera: Camera, size: tuple[int, int]) -> Float[Tensor, "b 4 4"]:
    matrix: Any = torch.eye(4).repeat(len(camera.focal), 1, 1).to(camera.focal)
    matrix[:, :3, :3] = camera.to_pixels(size)
    return matrix


def _warped(source: View, depth: Float[Tensor, "b 1 h w"], pose: Tensor, camera: Camera) -> Float[Tensor, "b 3 h w"]:
    b, _, h, w = depth.shape
    rows, columns = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    pixels = torch.stack([columns, rows, torch.ones_like(rows)]).reshape(1, 3, -1).repeat(b, 1, 1).to(depth)
    points = depth.reshape(b, 1, -1) * (torch.linalg.inv(_matrix(camera, (h, w)))[:, :3, :3] @ pixels)
    points = torch.cat([points, torch.ones(b, 1, h * w).to(depth)], 1)
    seen = (_matrix(source.camera, (h, w)) @ pose)[:, :3] @ points
    place = seen[:, :2] / seen[:, 2:].clamp(min=1e-3)
    grid = place.reshape(b, 2, h, w).permute(0, 2, 3, 1)
    grid = (2 * grid + 1) / torch.tensor([w, h]).to(depth) - 1
    return grid_sample(source.image, grid, padding_mode="border", align_corners=False)


def _photometric_error(x: Tensor, y: Tensor, ssim_weight: float) -> Float[Tensor, "b 1 h w"]:
    difference = (x - y).abs().mean(1, keepdim=True)
    x, y = pad(x, (1, 1, 1, 1), mode="reflect"), pad(y, (1, 1, 1, 1), mode="reflect")
    mean_x, mean_y = avg_pool2d(x, 3, 1), avg_pool2d(y, 3, 1)
    variance_x = avg_pool2d(x**2, 3, 1) - mean_x**2
    variance_y = avg_pool2d(y**2, 3, 1) - mean_y**2
    covariance = avg_pool2d(x * y, 3, 1) - mean_x * mean_y
    numerator = (2 * mean_x * mean_y + 0.01**2) * (2 * covariance + 0.03**2)
    denominator = (mean_x**2 + mean_y**2 + 0.01**2) * (variance_x + variance_y + 0.03**2)
    dissimilarity = torch.clamp((1 - numerator / denominator) / 2, 0, 1).mean(1, keepdim=True)
    return ssim_weight * dissimilarity + (1 - ssim_weight) * difference


def _smoothness(disparity: Tensor, image: Tensor) -> Float[Tensor, ""]:
    disparity = disparity / (disparity.mean((2, 3), keepdim=True) + 1e-7)
    terms = []
    for dim in (2, 3):
        weight = torch.exp(-image.diff(dim=dim).abs().mean(1, keepdim=True))
        terms.append((disparity.diff(dim=dim).abs() * weight).mean())
    return terms[0] + terms[1]
