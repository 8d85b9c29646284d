"""The sources of a scale. Each returns (drive, metres per unit of the model's depth, or None) frame by frame."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from torch import Tensor

from egodepth.data.drive import Drive
from egodepth.data.media.frame_numbers import FrameNumbers
from egodepth.data.opening import depth_frames, thinned, usable_frames
from egodepth.foundation.errors import InputError
from egodepth.geometry import Camera
from egodepth.geometry.road_plane import camera_height
from egodepth.inference.motion import MotionPredictor
from egodepth.inference.predictor import DepthPredictor
from egodepth.video.scale.lengths import truth_factor
from egodepth.video.scale.pairs import Pair, moving_pair, stereo_pair
from egodepth.video.scale.parallax import REGION, image_factor
from egodepth.video.scale.speed import SLOWEST_MPS, Distance, Times

Found = list[tuple[str, float | None]]
DrivenPair = tuple[Drive, int, int, float]
"""A drive, a frame, the offset to the other frame, and the metres between them."""
MOST = 0.5
"""Least share of the frames of a moving camera in which a road must be found."""
T = TypeVar("T")


def by_height(
    predictor: DepthPredictor, pairs: list[tuple[Drive, int, int]], height_m: float, limit: int
) -> tuple[Found, list[DrivenPair]]:
    """Return metres per unit from the camera's height over the road, for frame pairs; and the metres driven in each.

    The road is measured in triangulated depth, whose unit is the distance moved, so it does not depend on the model.
    The known height gives the metres moved between the frames. These give the length of a unit of the model's depth.

    Raises:
        InputError: the camera stands, or most frames in which it moves show no road.
    """
    found: Found = []
    driven: list[DrivenPair] = []
    moving = 0
    for drive, frame, offset in _shown(thinned(pairs, limit), "Camera height"):
        pair = moving_pair(predictor, drive, frame, offset)
        moving += pair is not None
        moved_m = _moved_by_height(pair, drive.camera, frame, height_m) if pair else None
        found.append((drive.name, _metres_in_a_unit(pair, moved_m)))
        if moved_m is not None:
            driven.append((drive, frame, offset, moved_m))
    if not moving:
        raise InputError(
            f"--by height: the camera is not seen to move in any of {len(found)} pairs of frames, and only then the "
            "road can be measured; give frames of driving"
        )
    if len(driven) < MOST * moving:
        raise InputError(
            f"a level road was found in front of the camera in {len(driven)} of {moving} frames in which it moves: "
            "--by height needs it in most; choose other --drives, or another way"
        )
    return found, driven


def _moved_by_height(pair: Pair, camera: Camera, seed: int, height_m: float) -> float | None:
    """Return the metres between the two frames; None without a visible road."""
    inverse_depth = 1 / (pair.depth * pair.factors.log_factor.exp())
    height = camera_height(inverse_depth, camera, seed, pair.factors.is_sure)
    return height_m / height if height else None


def _metres_in_a_unit(pair: Pair | None, moved_m: float | None) -> float | None:
    """Return the metres per unit from two frames with this driven distance; None if it or the motion is unknown."""
    if pair is None or moved_m is None:
        return None
    moved = image_factor(pair.factors, pair.depth, REGION.max_depth / moved_m)
    return moved * moved_m if moved else None


def by_baseline(predictor: DepthPredictor, drives: list[Drive], limit: int) -> Found:
    """Return, for stereo pairs, the factor between the model's depth and the depth triangulated with the partner.

    Raises:
        InputError: no stereo pairs.
    """
    usable = zip(drives, usable_frames(drives, (), stereo=True), strict=True)
    frames = thinned([(drive, frame) for drive, numbers in usable for frame in numbers], limit)

    def factor(drive: Drive, frame: int) -> float | None:
        pair = stereo_pair(predictor, drive, frame)
        return image_factor(pair.factors, pair.depth, REGION.max_depth)

    return [(drive.name, factor(drive, frame)) for drive, frame in _shown(frames, "Stereo baseline")]


def by_distance_driven(predictor: DepthPredictor, pairs: list[DrivenPair], limit: int) -> Found:
    """Return, for frame pairs, the factor from the model's depth to depth triangulated with the driven distance."""
    shown = _shown(thinned(pairs, limit), "Distance driven")
    return [
        (drive.name, _metres_in_a_unit(moving_pair(predictor, drive, frame, offset), metres))
        for drive, frame, offset, metres in shown
    ]


def by_pose_network(motion: MotionPredictor, pairs: list[DrivenPair], limit: int) -> Found:
    """Return, for frame pairs, metres over the pose network's translation, which is a unit of trajectories."""

    def factor(drive: Drive, frame: int, offset: int, metres: float) -> float | None:
        pose = motion(_image(drive, frame), _image(drive, frame + offset))[0]
        length = pose[:3, 3].norm().item()
        return metres / length if length > 0 else None

    shown = _shown(thinned(pairs, limit), "Length of trajectories")
    return [(pair[0].name, factor(*pair)) for pair in shown]


def driven_pairs(
    drives: list[Drive], offset: int, distance: Callable[[Drive], Distance], times: Callable[[Drive], Times]
) -> list[DrivenPair]:
    """Return frame pairs between which the camera is known to have driven.

    Args:
        drives: the drives to search.
        offset: offset between the frames of a pair.
        distance: returns the distance function of a drive.
        times: returns the times of a drive's frames, which show where it is too slow.

    Raises:
        InputError: no such pairs, or the camera stands, or its motion is unknown.
    """
    pairs: list[DrivenPair] = []
    for drive in drives:
        between, time = distance(drive), times(drive)
        for frame in _with_neighbour(drive, offset):
            metres = between(frame, frame + offset)
            if metres is not None and metres >= SLOWEST_MPS * (time(frame + offset) - time(frame)):
                pairs.append((drive, frame, offset, metres))
    if not pairs:
        raise InputError(
            f"{drives[0].name}: no two frames with an offset of {offset} between which the camera is known to drive "
            f"(faster than {SLOWEST_MPS:g} m/s); give other drives, or speeds for these frames"
        )
    return pairs


def neighbours(drives: list[Drive], offset: int) -> list[tuple[Drive, int, int]]:
    """Return (drive, frame, offset) of all frames that have another frame at this offset.

    Raises:
        InputError: there are none.
    """
    pairs = [(drive, frame, offset) for drive in drives for frame in _with_neighbour(drive, offset)]
    if not pairs:
        raise InputError(
            f"{drives[0].name}: no two frames with an offset of {offset}, as in the model's training (frames are "
            "numbered by the last digits of their names); give other drives"
        )
    return pairs


def _with_neighbour(drive: Drive, offset: int) -> FrameNumbers:
    return FrameNumbers.of(drive.frames).with_neighbours((offset,))


def by_depth(predictor: DepthPredictor, drives: list[Drive], limit: int) -> Found:
    """Return, for frames with true depth, the factor from the model's depth to the true one, for the median pixel.

    Raises:
        InputError: no frame has true depth.
    """
    frames = depth_frames(drives, limit)
    if not frames:
        raise InputError(f"{drives[0].name}: no frame has true depth; give a data set that has it, or another way")

    def factor(drive: Drive, frame: int) -> float | None:
        inverse_depth = predictor.inverse_depth(_image(drive, frame))[0]
        return truth_factor(inverse_depth, drive.read_depth(frame))

    return [(drive.name, factor(drive, frame)) for drive, frame in _shown(frames, "True depth")]


def _image(drive: Drive, frame: int) -> Float[Tensor, "1 3 h w"]:
    return drive.read_tensor(frame)[None]


def _shown(items: Sequence[T], doing: str) -> Iterator[T]:
    """Yield the items with a progress bar on standard error."""
    console = Console(stderr=True)
    yield from track(items, doing, console=console, transient=True, disable=not console.is_terminal)
