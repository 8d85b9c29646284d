"""Small rendered streets for structure from motion."""

from dataclasses import replace

import numpy as np
from jaxtyping import UInt8

from egodepth.geometry import Camera
from egodepth.synthetic.render import render_frames
from egodepth.synthetic.road import yaw_rotation
from egodepth.synthetic.street import Street

FOV_DEG, SIZE = 70.0, (192, 320)


class WindingStreet(Street):
    """An empty street and a camera that looks about, of a known field of view, in the middle of the image."""

    def __init__(self, seed: int, frames: int) -> None:
        super().__init__(seed, frames)
        self.traffic = replace(self.traffic, leader=None, oncoming=[])
        focal = 0.5 / np.tan(np.radians(FOV_DEG) / 2)
        self.focal, self.centre = np.array([focal, focal * SIZE[1] / SIZE[0]]), np.array([0.5, 0.5])

    def camera_pose(self, frame: int) -> np.ndarray:
        pose = super().camera_pose(frame)
        pose[:3, :3] = pose[:3, :3] @ yaw_rotation(np.radians(8) * np.sin(2 * np.pi * frame / 40))
        return pose

    def images(self, count: int) -> list[UInt8[np.ndarray, "h w 3"]]:
        return [frame.image for frame in render_frames(self, range(count), SIZE)]


def true_camera() -> Camera:
    return Camera.from_fov(FOV_DEG, SIZE)
