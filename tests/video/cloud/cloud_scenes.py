"""Scenes of planes and a box seen by a moving camera, with their exact depth."""

import numpy as np
import torch

from egodepth.geometry import Camera
from egodepth.video.cloud.point_cloud import CloudFrame

SIZE = (48, 96)
FOCAL_PX = 70.0
CAMERA_HEIGHT, WALL, BOX_NEAR, BOX_HALF = 1.5, 20.0, 8.0, 1.5


def camera() -> Camera:
    """Square pixels, the centre in the middle."""
    return Camera(torch.tensor([FOCAL_PX / SIZE[1], FOCAL_PX / SIZE[0]]), torch.tensor([0.5, 0.5]))


def rays() -> np.ndarray:
    """(x, y) of every pixel's viewing ray."""
    rows, columns = np.indices(SIZE)
    return np.stack([(columns + 0.5 - SIZE[1] / 2) / FOCAL_PX, (rows + 0.5 - SIZE[0] / 2) / FOCAL_PX])


def pose_at(x: float = 0.0, z: float = 0.0) -> np.ndarray:
    """World from camera without any turn."""
    pose = np.eye(4)
    pose[0, 3], pose[2, 3] = x, z
    return pose


def ground_and_wall(z: float = 0.0) -> np.ndarray:
    """Depth of a road below the camera, and of a wall across it."""
    _, y = rays()
    with np.errstate(divide="ignore"):
        road = np.where(y > 0, CAMERA_HEIGHT / y, np.inf)
    return np.minimum(road, WALL - z)


def box_on(background: np.ndarray, x: float = 0.0, z: float = 0.0, box_x: float = 0.0) -> np.ndarray:
    """Depth with the front of a box before it, seen from (x, z)."""
    depth = BOX_NEAR - z
    column, row = rays() * depth
    hit = (np.abs(column + x - box_x) < BOX_HALF) & (np.abs(row) < BOX_HALF)
    return np.where(hit, depth, background)


def frame_of(depth: np.ndarray, pose: np.ndarray, confidence: np.ndarray | float = 1.0) -> CloudFrame:
    """A frame whose colours tell the columns apart."""
    image = np.zeros((*SIZE, 3), np.uint8)
    image[..., 0] = np.arange(SIZE[1])
    image[..., 1] = 200
    confidences = np.broadcast_to(np.float32(confidence), SIZE).copy()
    return CloudFrame(image, depth.astype(np.float32), confidences, pose)


def smeared(depth: np.ndarray, passes: int = 2) -> np.ndarray:
    """Depth whose inverse is smoothed, as networks smear edges."""
    return 1 / smoothed(1 / depth, passes)


def smoothed(values: np.ndarray, passes: int) -> np.ndarray:
    """Means of 3x3 pixels, several times; planes stay planes."""
    height, width = values.shape
    for _ in range(passes):
        padded = np.pad(values, 1, mode="reflect", reflect_type="odd")
        values = np.mean([padded[i : i + height, j : j + width] for i in range(3) for j in range(3)], axis=0)
    return values


def sideways_drive(smear: bool = False) -> list[CloudFrame]:
    """Past a box before a wall."""
    frames = []
    for x in np.arange(6) * 0.8 - 2:
        depth = box_on(np.full(SIZE, WALL), x=x)
        frames.append(frame_of(smeared(depth) if smear else depth, pose_at(x=x)))
    return frames
