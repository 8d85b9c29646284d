"""The road's course and cross-section, and the poses of objects along it."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True)
class Road:
    """A gently curved road along z: its centre line is a sum of sines, its widths are constant over a drive."""

    amplitude: Float[np.ndarray, " k"]
    wavelength: Float[np.ndarray, " k"]
    phase: Float[np.ndarray, " k"]
    half_width: float
    """Distance from the centre line to the kerb or the parking bays, metres."""
    parking: tuple[float, float]
    """Width of the parking bays left and right, 0 without bays, metres."""
    lane: float
    """Lateral position of the camera's lane, metres to the right of the centre line."""
    is_two_way: bool

    def centre(self, z: Float[np.ndarray, " n"] | float) -> Float[np.ndarray, " n"] | float:
        """Return the lateral position x of the centre line at z."""
        angle = 2 * np.pi * np.asarray(z)[..., None] / self.wavelength + self.phase
        return (self.amplitude * np.sin(angle)).sum(-1)

    def slope(self, z: Float[np.ndarray, " n"] | float) -> Float[np.ndarray, " n"] | float:
        """Return the derivative dx/dz of the centre line."""
        rate = 2 * np.pi / self.wavelength
        return (self.amplitude * rate * np.cos(np.asarray(z)[..., None] * rate + self.phase)).sum(-1)

    def kerb(self, side: int) -> float:
        """Return the signed lateral position of the kerb; side is -1 (left) or 1 (right)."""
        return side * (self.half_width + self.parking[0 if side < 0 else 1])

    def pose(self, z: float, lateral: float, turn: float = 0.0) -> Float[np.ndarray, "4 4"]:
        """Return the world pose of an object on the ground, `lateral` metres right of the centre line, facing along it.

        Args:
            z: Position along the road, metres.
            lateral: Offset across the road, metres, positive to the right.
            turn: Further rotation to the right, radians (pi: facing the camera).
        """
        along = np.arctan(float(self.slope(z)))
        yaw = along + turn
        pose = np.eye(4)
        pose[:3, :3] = yaw_rotation(yaw)
        pose[:3, 3] = float(self.centre(z)) + lateral * np.cos(along), 0.0, z - lateral * np.sin(along)
        return pose


def yaw_rotation(yaw: float) -> Float[np.ndarray, "3 3"]:
    """Return the rotation about the vertical that turns the forward axis to the right by `yaw` radians."""
    c, s = np.cos(yaw), np.sin(yaw)
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def random_road(rng: np.random.Generator) -> Road:
    """Return a random road: two lanes or a narrow one-way street, with or without parking bays."""
    is_two_way = bool(rng.random() < 0.8)
    half_width = rng.uniform(3.0, 3.6) if is_two_way else rng.uniform(1.9, 2.4)
    parking = tuple(float(2.1 * (rng.random() < chance)) for chance in (0.6, 0.65))
    return Road(
        amplitude=rng.uniform(-1, 1, 2) * (6.0, 2.5) * rng.uniform(0.1, 1),
        wavelength=rng.uniform((240, 150), (340, 220)),
        phase=rng.uniform(0, 2 * np.pi, 2),
        half_width=half_width,
        parking=(parking[0], parking[1]),
        lane=half_width / 2 if is_two_way else 0.0,
        is_two_way=is_two_way,
    )
