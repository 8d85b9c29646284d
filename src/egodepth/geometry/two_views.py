"""Motion between two views from points that were found in both: direction and turn, but no length.

OpenCV's essential matrix (Nistér 2004), by RANSAC that refines what it finds on the points that agree (Barath and Matas
2018, "Graph-Cut RANSAC"): what moves by itself does not count.
"""

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

FEWEST = 20
"""Points that a motion needs; five determine it, and many of these are wrong."""
_AGREED = 5e-4
"""Points with larger errors were not found where the motion takes them: half a pixel of 1000 at 53 degrees."""
_CONFIDENCE = 0.999


def relative_pose(first: Float64[Tensor, "n 3"], second: Float64[Tensor, "n 3"]) -> Float64[Tensor, "4 4"] | None:
    """Return second_from_first, of length 1, with which most points agree; None with fewer than `FEWEST`, or none.

    Points that belong to nothing have a motion, too, and a camera that only turned has some direction: whether there
    is one to be told has to be known before.

    Args:
        first: viewing rays (z = 1) of the points in the first view.
        second: of the same points in the second.
    """
    import cv2  # here: most of what imports this room needs none

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
    """Return numbers above 0 for points in front of the first camera, below for those behind it: their parallax.

    What is near shifts most and is surest. A car that draws away shifts backwards, but by less; OpenCV counts heads.
    """
    across = torch.linalg.cross(second, first @ pose[:3, :3].T)
    signs = -(across * torch.linalg.cross(second, pose[:3, 3].expand_as(second))).sum(1).sign()
    return signs * across.norm(dim=1)
