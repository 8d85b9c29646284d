"""Relative pose of two views from matched points: rotation and direction of the translation, but not its length.

It is OpenCV's essential matrix (Nistér 2004), estimated by a RANSAC that refines each model on its inliers (Barath and
Matas 2018, "Graph-Cut RANSAC"). Moving objects are outliers.
"""

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

FEWEST = 20
"""Least number of points. Five determine the motion, but many points are wrong."""
_AGREED = 5e-4
"""Points with larger errors are outliers: half a pixel of an image with 1000 columns and 53 degrees of view."""
_CONFIDENCE = 0.999


def relative_pose(first: Float64[Tensor, "n 3"], second: Float64[Tensor, "n 3"]) -> Float64[Tensor, "4 4"] | None:
    """Return second_from_first, with a translation of length 1; None with fewer than `FEWEST` points, or no solution.

    Wrong matches also give a motion, and a camera that only rotates also gives a direction. The caller has to know that
    the points are good and that the camera moved.

    Args:
        first: viewing rays (z = 1) of the points in the first view.
        second: viewing rays of the same points in the second view.
    """
    import cv2  # here, because most users of this package do not need it

    if len(first) < FEWEST:
        return None
    points = first[:, :2].numpy(), second[:, :2].numpy()
    essential, agreed = cv2.findEssentialMat(*points, np.eye(3), cv2.USAC_ACCURATE, _CONFIDENCE, _AGREED)
    if essential is None or essential.shape != (3, 3):
        return None
    _, rotation, translation, _ = cv2.recoverPose(essential, *points, np.eye(3), mask=agreed.copy())
    pose = torch.eye(4, dtype=torch.float64)
    pose[:3, :3], pose[:3, 3] = torch.from_numpy(rotation), torch.from_numpy(translation[:, 0])
    if _votes(first, second, pose)[torch.from_numpy(agreed[:, 0] > 0)].sum() < 0:
        pose[:3, 3] *= -1
    return pose


def _votes(
    first: Float64[Tensor, "n 3"], second: Float64[Tensor, "n 3"], pose: Float64[Tensor, "4 4"]
) -> Float64[Tensor, " n"]:
    """Return the parallax of each point: above 0 in front of the first camera, below 0 behind it.

    Near points have the largest parallax and are the most reliable. A car that drives away has a negative parallax, but
    a small one. OpenCV counts the points instead.
    """
    across = torch.linalg.cross(second, first @ pose[:3, :3].T)
    signs = -(across * torch.linalg.cross(second, pose[:3, 3].expand_as(second))).sum(1).sign()
    return signs * across.norm(dim=1)
