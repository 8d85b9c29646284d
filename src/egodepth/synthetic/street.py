"""A drive through a street from one seed: the world, the camera and its trajectory, the traffic, the light."""

from dataclasses import replace
from functools import cached_property

import numpy as np
from jaxtyping import Float

from egodepth.synthetic.layout import random_layout
from egodepth.synthetic.raycast import Eye
from egodepth.synthetic.road import random_road, yaw_rotation
from egodepth.synthetic.scene import Material, Scene, concatenate
from egodepth.synthetic.shadows import ShadowMap, shadow_map
from egodepth.synthetic.traffic import random_traffic

BASELINE = 0.54
"""Distance of the stereo partner, to the right of the camera, metres."""
VIEW_RANGE = 115.0
"""Length of the street beyond the camera's last position, metres."""


class Street:
    """A procedural street and a drive through it, determined by the seed and the number of frames.

    Frames are numbered 0 to frames - 1; poses and traffic also exist for -1 and `frames`, so that every frame has two
    neighbours. The camera is 1.65 m above the ground. Its focal lengths, in shares of the image's width and height, are
    near KITTI's (0.58, 1.92), or `focal`, which does not change the street. Another `winding` does.
    """

    def __init__(self, seed: int, frames: int = 60, focal: tuple[float, float] | None = None, winding: float = 1.0):
        rng = np.random.default_rng([2019, seed])
        self.seed, self.frames = seed, frames
        road = random_road(rng)
        self.road = replace(road, amplitude=winding * road.amplitude)
        self.traffic = random_traffic(rng, self.road, frames)
        end = float(self.traffic.camera_z[-1]) + VIEW_RANGE
        self.static = concatenate([ground_plane(), *random_layout(rng, self.road, -15.0, end)])
        usual = np.array([0.58, 1.92]) * rng.uniform(0.98, 1.02)
        self.focal = usual if focal is None else np.array(focal)
        self.centre = np.array([0.5, 0.48]) + rng.uniform(-1, 1, 2) * (0.012, 0.03)
        self.height = rng.uniform(1.6, 1.7)
        self._sway = [
            (rng.uniform(*waves), rng.uniform(0, 2 * np.pi)) for waves in ((9, 15), (14, 30), (30, 60), (40, 70))
        ]
        self._exposure = rng.uniform((0.9, 0.0, 30), (1.1, 0.08, 70)), rng.uniform(0, 2 * np.pi)
        self.sun = _sun_direction(rng)
        self.sunlight = float(rng.choice([0.0, 0.35, 0.6], p=[0.25, 0.35, 0.4]))
        """Strength of the sun: 0 under an overcast sky."""

    def camera_pose(self, frame: int) -> Float[np.ndarray, "4 4"]:
        """Return the world-from-camera pose of a frame, -1 to `frames`. It depends on the distance travelled alone."""
        z = float(self.traffic.camera_z[frame + 1])
        pitch, roll, yaw, drift = (np.sin(2 * np.pi * z / wave + phase) for wave, phase in self._sway)
        pose = self.road.pose(z, self.road.lane + 0.06 * drift)
        turn = pose[:3, :3] @ yaw_rotation(0.002 * yaw) @ _pitch_rotation(0.0015 * pitch) @ _roll_rotation(0.002 * roll)
        pose[:3, :3] = turn
        pose[1, 3] = -self.height + 0.008 * pitch
        return pose

    def eye(self, frame: int, size: tuple[int, int], partner: bool = False) -> Eye:
        """Return the camera of a frame, or its stereo partner, for ray casting."""
        pose = self.camera_pose(frame)
        position = pose[:3, 3] + (BASELINE * pose[:3, 0] if partner else 0.0)
        return Eye(pose[:3, :3], position, self.focal, self.centre, size)

    def car_poses(self, frame: int) -> list[Float[np.ndarray, "4 4"]]:
        """Return the world-from-car pose of every moving car; entry i belongs to the faces with body i + 1."""
        return [self.road.pose(float(car.z[frame + 1]), car.lateral, car.turn) for car in self.traffic.cars()]

    def scene(self, frame: int) -> Scene:
        """Return everything that rays can hit at the time of a frame; the first face is the ground."""
        cars = zip(self.traffic.cars(), self.car_poses(frame), strict=True)
        return concatenate([self.static, *(car.model.placed(pose, i + 1) for i, (car, pose) in enumerate(cars))])

    def exposure(self, frame: int) -> float:
        """Return the gain of the image: slow waves around 1."""
        (level, swing, period), phase = self._exposure
        return float(level * (1 + swing * np.sin(2 * np.pi * frame / period + phase)))

    @cached_property
    def shadows(self) -> ShadowMap | None:
        """Shadows of all static objects on the ground; None under an overcast sky."""
        end = float(self.traffic.camera_z[-1]) + VIEW_RANGE
        middle = np.asarray(self.road.centre(np.linspace(0, end, 50)))
        across = (float(middle.min()) - 22, float(middle.max()) + 22)
        return shadow_map(self.static, self.sun, across, (-5.0, end)) if self.sunlight else None

    @cached_property
    def still_frames(self) -> list[int]:
        """Frames whose camera has the pose of both neighbours."""
        return [int(i) for i in np.flatnonzero(self.traffic.is_still[1:-1])]


def ground_plane() -> Scene:
    """Return the face of the ground, which belongs to no solid: `raycast` handles it first."""
    rows = np.zeros((1, 3))
    up = np.array([[0.0, -1, 0]])
    empty = np.zeros(0, int)
    return Scene(
        normal=up,
        offset=np.zeros(1),
        origin=rows,
        right=np.array([[1.0, 0, 0]]),
        up=np.array([[0, 0, 1.0]]),
        extent=rows.astype(np.float32),
        colour=rows.astype(np.float32),
        grain=np.zeros(1, np.float32),
        material=np.array([int(Material.GROUND)]),
        body=np.zeros(1, int),
        start=empty,
        stop=empty,
        is_round=empty.astype(bool),
        corners=np.zeros((0, 8, 3)),
    )


def _sun_direction(rng: np.random.Generator) -> Float[np.ndarray, " 3"]:
    """Return a unit vector towards the sun, 30 to 60 degrees high."""
    azimuth, height = rng.uniform(0, 2 * np.pi), np.radians(rng.uniform(30, 60))
    return np.array([np.cos(height) * np.sin(azimuth), -np.sin(height), np.cos(height) * np.cos(azimuth)])


def _pitch_rotation(angle: float) -> Float[np.ndarray, "3 3"]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[1, 0, 0], [0, c, -s], [0, s, c]])


def _roll_rotation(angle: float) -> Float[np.ndarray, "3 3"]:
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0], [s, c, 0], [0, 0, 1]])
