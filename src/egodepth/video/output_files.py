"""The second pass over a recording: depth video, and the files of every frame, in one scale."""

from collections.abc import Callable, Collection
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import torch

from egodepth.data.images import resize_rgb, write_image
from egodepth.data.media.frame_numbers import spread_places
from egodepth.data.media.video_writer import video_writer
from egodepth.data.video import VideoFrame
from egodepth.inference.common_scales import CommonScales
from egodepth.inference.predict_video import DepthFrame, drawing, layout
from egodepth.inference.predictor import at_size
from egodepth.inference.stream import pipeline
from egodepth.video.aligned_clip import Aligned
from egodepth.video.arrays import write_arrays
from egodepth.video.confidence import Trust
from egodepth.video.depth_maps import FrameMaps
from egodepth.video.recording import Picture, Recording

_TIME_BASE = Fraction(1, 90_000)
VIDEO = "depth.mp4"
PICTURES = 24
"""Number of evenly spaced frames whose small pictures are stored for the report."""
_PICTURE_WIDTH = 480


class _Seen(NamedTuple):
    picture: Picture
    maps: FrameMaps
    trust: Trust | None
    """None if no file needs it."""


def write_outputs(
    recording: Recording,
    aligned: Aligned,
    scales: CommonScales,
    out: Path,
    files: Collection[str],
    advance: Callable[[int], None],
) -> None:
    """Write `depth.mp4`, `depth/000000.png` and/or `.npz` of every frame, and small pictures beside the maps.

    The video is written completely or not at all. Files of frames remain if the command is stopped.

    Args:
        recording: read a second time.
        aligned: the result of the first pass.
        scales: the scales of colours and PNGs.
        out: the output folder.
        files: `png`, `npz`, both or none.
        advance: callback, called with 1 for every frame.
    """
    panel, output = layout(recording.drive.size)
    rate = Fraction(recording.footage.rate).limit_denominator(1001)
    chosen = set(picture_places(len(aligned.seconds)))
    with video_writer(out / VIDEO, output, _TIME_BASE, rate) as writer:
        show = drawing(writer, panel, output, scales)

        def look(pictures: list[Picture]) -> list[_Seen]:
            return [_seen(aligned, picture, "npz" in files) for picture in pictures]

        def store(seen: _Seen) -> None:
            picture, maps = seen.picture, seen.maps
            pts = round(picture.seconds / _TIME_BASE)
            show(DepthFrame(VideoFrame(picture.image, pts), torch.from_numpy(maps.inverse_depth)))
            _write_frame(out / "depth" / f"{picture.place:06d}", seen, scales, files)
            if picture.place in chosen:
                height, width = picture.image.shape[:2]
                small = min(1.0, _PICTURE_WIDTH / width)
                image = resize_rgb(picture.image, (round(height * small), round(width * small)))
                write_image(picture_path(aligned.maps, picture.place), image)
            advance(1)

        pipeline(recording.pictures(), look, store, 2)


def _seen(aligned: Aligned, picture: Picture, judged: bool) -> _Seen:
    return _Seen(picture, aligned.frame(picture.place), aligned.trust(picture.place) if judged else None)


def picture_places(count: int) -> list[int]:
    """Return the frames that the report shows."""
    return spread_places(count, PICTURES)


def picture_path(maps: Path, place: int) -> Path:
    """Return the path of a frame's small picture for the report."""
    return maps / f"{place:06d}.jpg"


def _write_frame(stem: Path, seen: _Seen, scales: CommonScales, files: Collection[str]) -> None:
    """Write the depth map at the frame's size as PNG; and at the network's size, with its expected error, as NPZ."""
    inverse_depth = seen.maps.inverse_depth
    if "png" in files and not (path := stem.with_suffix(".png")).exists():
        size = (seen.picture.image.shape[0], seen.picture.image.shape[1])
        full = at_size(torch.from_numpy(inverse_depth)[None], size)[0]
        write_image(path, scales.depth_png((1 / full).numpy()))
    if seen.trust is not None and not (path := stem.with_suffix(".npz")).exists():
        known = {"depth": 1 / inverse_depth, "inverse_depth": inverse_depth, **seen.trust._asdict()}
        write_arrays(path, known | {"seconds": seen.picture.seconds})
