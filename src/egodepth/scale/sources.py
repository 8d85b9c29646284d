"""What each source finds, frame by frame: (drive, metres in a unit of the model's depth, or None)."""

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from jaxtyping import Float
from rich.console import Console
from rich.progress import track
from torch import Tensor

from egodepth.data.drive import Drive
from egodepth.data.frame_numbers import FrameNumbers
from egodepth.data.opening import depth_frames, thinned, usable_frames
from egodepth.errors import InputError
from egodepth.geometry import Camera
from egodepth.motion import MotionPredictor
from egodepth.predictor import DepthPredictor
from egodepth.scale.baseline import fitting_factor
from egodepth.scale.height import camera_height
from egodepth.scale.lengths import truth_factor
from egodepth.scale.speed import SLOWEST_MPS, Distance, Times

Found = list[tuple[str, float | None]]
MOST = 0.5
"""Share of the frames in which a road has to be found."""
T = TypeVar("T")


def by_height(predictor: DepthPredictor, drives: list[Drive], height_m: float, limit: int) -> Found:
    """Of each frame: the camera's height in metres over that in units, over the road in front of it.

    Raises:
        InputError: no road in most frames.
    """
    frames = thinned([(drive, frame) for drive in drives for frame in drive.frames], limit)

    def factor(drive: Drive, frame: int) -> float | None:
        inverse_depth = predictor.inverse_depth(predictor.network_input([drive.read_image(frame)]))[0]
        height = camera_height(inverse_depth, drive.camera, frame)
        return height_m / height if height else None

    found = [(drive.name, factor(drive, frame)) for drive, frame in _shown(frames, "Camera height")]
    planes = sum(value is not None for _, value in found)
    if planes < MOST * len(found):
        raise InputError(
            f"a level road was found in front of the camera in {planes} of {len(found)} frames: --by height needs it "
            "in most; choose other --drives, or another way"
        )
    return found


def by_baseline(predictor: DepthPredictor, drives: list[Drive], limit: int) -> Found:
    """Of each stereo pair: the factor on depth with which the partner's image fits best.

    Raises:
        InputError: no stereo pairs.
    """
    usable = zip(drives, usable_frames(drives, (), stereo=True), strict=True)
    frames = thinned([(drive, frame) for drive, numbers in usable for frame in numbers], limit)
    return [(drive.name, _pair_factor(predictor, drive, frame)) for drive, frame in _shown(frames, "Stereo baseline")]


def _pair_factor(predictor: DepthPredictor, drive: Drive, frame: int) -> float | None:
    assert drive.partner_camera is not None
    assert drive.partner_from_self is not None
    images = [drive.read_image(frame), drive.read_image(frame, partner=True)]
    target, partner = predictor.network_input(images)[:, None].cpu().unbind()
    depth = 1 / predictor.inverse_depth(target)
    own, other = (Camera(c.focal[None], c.centre[None]) for c in (drive.camera, drive.partner_camera))
    pose = torch.from_numpy(drive.partner_from_self)[None].float()
    return fitting_factor(target, partner, depth, (own, other), pose)


def by_distance_driven(
    motion: MotionPredictor,
    drives: list[Drive],
    distance: Callable[[Drive], Distance],
    times: Callable[[Drive], Times],
    limit: int,
) -> Found:
    """Of each pair of frames: metres driven over the pose network's translation.

    Pairs are as far apart as the frames that the network learned from.

    Args:
        motion: between two frames.
        drives: to look at.
        distance: what is known of how far each drive went.
        times: of each drive's frames, which say what is too slow to tell anything.
        limit: pairs to look at, evenly spaced.

    Raises:
        InputError: no such pairs, or the camera stands, or nothing is known of how it moved.
    """
    apart = min(map(abs, motion.model.card.offsets), default=1)
    pairs: list[tuple[Drive, int, float]] = []
    for drive in drives:
        between, time = distance(drive), times(drive)
        for frame in FrameNumbers.of(drive.frames).with_neighbours((apart,)):
            metres = between(frame, frame + apart)
            if metres is not None and metres >= SLOWEST_MPS * (time(frame + apart) - time(frame)):
                pairs.append((drive, frame, metres))
    if not pairs:
        raise InputError(
            f"{drives[0].name}: no two frames {apart} apart between which the camera is known to drive (faster than "
            f"{SLOWEST_MPS:g} m/s); give other drives, or speeds for these frames"
        )

    def factor(drive: Drive, frame: int, metres: float) -> float | None:
        pose = motion(_image(drive, frame), _image(drive, frame + apart))[0]
        length = pose[:3, 3].norm().item()
        return metres / length if length > 0 else None

    shown = _shown(thinned(pairs, limit), "Distance driven")
    return [(drive.name, factor(drive, frame, metres)) for drive, frame, metres in shown]


def by_depth(predictor: DepthPredictor, drives: list[Drive], limit: int) -> Found:
    """Of each frame with true depth: the ratio of medians.

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
    """The items under a progress bar with the time that is left, on standard error."""
    console = Console(stderr=True)
    yield from track(items, doing, console=console, transient=True, disable=not console.is_terminal)
