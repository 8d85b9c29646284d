"""A wall with a pattern, seen by a camera that moves: true depth at every pixel, by formula."""

import numpy as np
import torch
from torch import Tensor

from egodepth.geometry import Camera, viewing_rays
from egodepth.hints import SweepSource

SIZE = (32, 64)
CAMERA = Camera(torch.tensor([0.6, 1.2]), torch.tensor([0.5, 0.5]))
WALL = 8.0
"""Distance of the wall from the target."""


def pose(x: float, z: float) -> Tensor:
    """World from camera of a camera that looks along z."""
    matrix = torch.eye(4)
    matrix[0, 3], matrix[2, 3] = x, z
    return matrix


def wall(world_from_camera: Tensor, distance: float = WALL, seed: int = 0) -> Tensor:
    """What a camera sees of an endless wall: waves of many lengths and colours."""
    generator = np.random.default_rng(seed)
    camera = Camera(CAMERA.focal[None], CAMERA.centre[None])
    x, y, _ = viewing_rays(camera, SIZE)[0] * (distance - world_from_camera[2, 3])
    x, y = x + world_from_camera[0, 3], y + world_from_camera[1, 3]
    image = torch.zeros(3, *SIZE)
    for _ in range(12):
        kx, ky, *phases = generator.uniform(-4, 4, 5)
        image += torch.stack([torch.sin(kx * x + ky * y + phase) for phase in phases])
    return (0.5 + image / 16).clamp(0, 1)


def wall_sources(places: tuple[tuple[float, float], ...], distance: float = WALL) -> list[SweepSource]:
    """Views of cameras at (x, z); those of negative z are earlier."""
    found = []
    for x, z in places:
        world_from_source = pose(x, z)
        found.append(SweepSource(wall(world_from_source, distance), torch.linalg.inv(world_from_source), z < 0))
    return found
