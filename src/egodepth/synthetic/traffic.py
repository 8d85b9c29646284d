"""Traffic: the camera's speed, its stops, and the moving cars."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from egodepth.synthetic.cars import random_car
from egodepth.synthetic.road import Road
from egodepth.synthetic.scene import Scene


@dataclass(frozen=True)
class MovingCar:
    """A car and its positions along the road; entry i of `z` is frame i - 1."""

    model: Scene
    lateral: float
    turn: float
    z: Float[np.ndarray, " n"]


@dataclass(frozen=True)
class Traffic:
    """Positions along the road, entry i for frame i - 1: one more frame at either end, for the neighbours."""

    camera_z: Float[np.ndarray, " n"]
    is_still: Bool[np.ndarray, " n"]
    """Frames where the camera has the position of both its neighbours."""
    leader: MovingCar | None
    """The car ahead, at the camera's own speed over long sections."""
    oncoming: list[MovingCar]

    def cars(self) -> list[MovingCar]:
        """Return all moving cars, the one ahead first."""
        return ([self.leader] if self.leader else []) + self.oncoming


def random_traffic(rng: np.random.Generator, road: Road, frames: int) -> Traffic:
    """Return the camera's motion over frames -1 to `frames`, the car ahead and the oncoming cars."""
    speed = _camera_speeds(rng, frames + 1)
    camera_z = np.concatenate([[0.0], np.cumsum(speed)])
    is_still = np.zeros(frames + 2, bool)
    is_still[1:-1] = (speed[:-1] == 0) & (speed[1:] == 0)
    leader = _leader(rng, road, camera_z) if rng.random() < 0.75 else None
    oncoming = _oncoming(rng, road, camera_z, is_still) if road.is_two_way else []
    return Traffic(camera_z, is_still, leader, oncoming)


def _camera_speeds(rng: np.random.Generator, steps: int) -> Float[np.ndarray, " n"]:
    """Return the metres between consecutive frames: about 0.6 to 1.2 with slow changes, and in most drives a stop."""
    time = np.arange(steps)
    wave = np.sin(2 * np.pi * time / rng.uniform(35, 70) + rng.uniform(0, 2 * np.pi))
    speed = rng.uniform(0.75, 1.05) * (1 + 0.18 * wave)
    if rng.random() < 0.75:
        for begin in range(0, max(steps - 35, 1), 60):
            still, ramp = rng.integers(8, 13), rng.integers(6, 10)
            stop = begin + rng.integers(10, 35)
            distance = np.maximum(stop - time, time - (stop + still))
            speed = speed * np.clip(distance / ramp, 0, 1)
    return speed


def _leader(rng: np.random.Generator, road: Road, camera_z: Float[np.ndarray, " n"]) -> MovingCar:
    """Return a car ahead whose gap is constant, or changes once between two long constant sections.

    The gap depends on the distance travelled, so in a stop the car ahead stands, too.
    """
    gap = rng.uniform(8, 16)
    change = rng.uniform(-1.5, 8) if rng.random() < 0.35 else 0.0
    ease = np.clip((camera_z - rng.uniform(0.3, 0.6) * camera_z[-1]) / 12, 0, 1)
    return MovingCar(random_car(rng), road.lane, 0.0, camera_z + gap + change * ease)


def _oncoming(
    rng: np.random.Generator, road: Road, camera_z: Float[np.ndarray, " n"], is_still: Bool[np.ndarray, " n"]
) -> list[MovingCar]:
    """Return cars on the other lane at one common speed, among them one that passes a standing camera."""
    frames, speed = np.arange(len(camera_z)), rng.uniform(0.7, 1.3)
    meetings = list(np.flatnonzero(is_still)[:1] + 4.0)
    spacing = 12 / speed + 2
    for meeting in rng.uniform(2, len(frames) + 25, max(len(frames) // 12, 2)):
        if all(abs(meeting - other) > spacing for other in meetings):
            meetings.append(meeting)
    cars = []
    for meeting in meetings:
        at = np.interp(meeting, frames, camera_z)
        cars.append(MovingCar(random_car(rng), -road.half_width / 2, np.pi, at - speed * (frames - meeting)))
    return cars
