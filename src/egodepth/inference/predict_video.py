"""Predict the depth of a video: an MP4 with frames and coloured depth, and files of single frames on request.

Decoding, network and encoding overlap (`egodepth.inference.stream`). The colour scale is the same in all frames. It is
computed from frames spread over the video, which are predicted first.
"""

from collections.abc import Callable, Collection, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor

from egodepth.data.images import write_image
from egodepth.data.media.video_writer import VideoWriter, video_writer, yuv_planes
from egodepth.data.video import Video, VideoFrame
from egodepth.foundation.progress import counting_bar
from egodepth.inference.common_scales import CommonScales, sampled
from egodepth.inference.predictor import DepthPredictor, at_size
from egodepth.inference.stream import coarse_inverse_depth, pipeline

MOST_SCALE_FRAMES = 16
FRAMES_PER_SCALE_FRAME = 25
"""The scale is computed from every 25th frame, up to 16 of them."""
WIDE = Fraction(16, 9)
"""From this aspect ratio on, the depth is placed below the picture, otherwise to its right."""
MOST_WIDTH, MOST_HEIGHT = 3840, 2160
"""Limits of most players and their hardware; larger pictures are shrunk."""


class DepthFrame(NamedTuple):
    """A frame and its inverse depth."""

    frame: VideoFrame
    inverse_depth: Float[Tensor, "hn wn"]
    """At the network's size."""


def predict_video(
    predictor: DepthPredictor, video: Video, folder: Path, name: str, files: Collection[str] = (), batch: int = 4
) -> dict[str, Any]:
    """Write `NAME_depth.mp4`, with `files` also `NAME_000000_depth.png` and/or `NAME_000000.npz` of each frame.

    Args:
        predictor: the predictor.
        video: the video.
        folder: the output folder.
        name: the prefix of the file names.
        files: `png`, `npz`, both or none.
        batch: number of frames in one batch of the network.

    Returns:
        The entry of the video in the summary.

    Raises:
        InputError: the video cannot be read, or the files cannot be written.
    """
    card = predictor.model.card
    scales, known = stream_scales(predictor, video)
    times: list[float] = []

    def predict(frames: list[VideoFrame]) -> list[DepthFrame]:
        new = [frame for frame in frames if frame.pts not in known]
        if new:
            depths = coarse_inverse_depth(predictor, [frame.image for frame in new])
            known.update(zip((frame.pts for frame in new), depths, strict=True))
        return [DepthFrame(frame, known.pop(frame.pts)) for frame in frames]

    panel, output = layout(video.size)
    path = folder / f"{name}_depth.mp4"
    with video_writer(path, output, video.time_base, video.rate, video.pixel_aspect) as writer:
        show = drawing(writer, panel, output, scales)

        def store(result: DepthFrame) -> None:
            show(result)
            if files:
                _write_files(folder / f"{name}_{len(times):06d}", result, scales, files)
            times.append(float(result.frame.pts * video.time_base))

        pipeline(_shown(video, name), predict, store, batch)
    record = {"name": name, "input": str(video.path), "output": path.name, "frames": len(times)}
    record |= {"height": video.size[0], "width": video.size[1], **scales.summary(card.metric, str(card.scale))}
    return record | ({"times": times} if files else {})


def stream_scales(predictor: DepthPredictor, video: Video) -> tuple[CommonScales, dict[int, Tensor]]:
    """Return scales for the whole video, from some of its frames, and the inverse depth of these by their `pts`."""
    wanted = MOST_SCALE_FRAMES
    if video.expected:
        wanted = min(wanted, -(-video.expected // FRAMES_PER_SCALE_FRAME))
    known: dict[int, Tensor] = {}
    samples: list[np.ndarray] = []
    for frame in video.spread(wanted):
        inverse_depth = coarse_inverse_depth(predictor, [frame.image])[0]
        samples.append(sampled(inverse_depth.numpy()))
        # After a seek a frame may look different from the same frame in sequence. Only frames read in sequence are
        # reused.
        if frame.pts >= 0:
            known[frame.pts] = inverse_depth
    return CommonScales.of(np.concatenate(samples), predictor.model.card.metric), known


def layout(size: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return (height, width) of each panel and of the whole picture, all even, for frames of a size."""
    height, width = size
    below = Fraction(width, height) >= WIDE
    rows, columns = (2, 1) if below else (1, 2)
    shrink = min(1.0, MOST_HEIGHT / (rows * height), MOST_WIDTH / (columns * width))
    panel = (max(2, int(height * shrink) // 2 * 2), max(2, int(width * shrink) // 2 * 2))
    return panel, (rows * panel[0], columns * panel[1])


def drawing(
    writer: VideoWriter, panel: tuple[int, int], output: tuple[int, int], scales: CommonScales
) -> Callable[[DepthFrame], None]:
    """Return a function that draws and appends a frame."""
    table = scales.colour_table()

    def show(result: DepthFrame) -> None:
        # Colouring at the network's size and enlarging by the scaler takes a sixth of the time at full size, and looks
        # the same.
        colours = table.take(scales.colour_index(result.inverse_depth.numpy()), 0)
        picture = yuv_planes(_cropped(result.frame.image, panel), panel)
        writer.write(joined(picture, yuv_planes(colours, panel), panel, output), result.frame.pts)

    return show


def joined(
    first: UInt8[np.ndarray, "r w"], second: UInt8[np.ndarray, "r w"], panel: tuple[int, int], output: tuple[int, int]
) -> UInt8[np.ndarray, "R W"]:
    """Join two panels in YUV 4:2:0 to one picture, one below the other or side by side, as the sizes require."""
    height, width = panel
    axis = 0 if output[0] > height else 1
    luma, chroma = height * width, (height // 2, width // 2)
    quarter = chroma[0] * chroma[1]
    planes = []
    for begin, shape in ((0, (height, width)), (luma, chroma), (luma + quarter, chroma)):
        parts = [panel.reshape(-1)[begin : begin + shape[0] * shape[1]].reshape(shape) for panel in (first, second)]
        planes.append(np.concatenate(parts, axis).reshape(-1))
    return np.concatenate(planes).reshape(-1, output[1])


def _cropped(image: UInt8[np.ndarray, "h w 3"], panel: tuple[int, int]) -> UInt8[np.ndarray, "hc wc 3"]:
    """Crop an odd last row or column. Scaling by a thousandth would blur the image."""
    height, width = image.shape[:2]
    return image[: panel[0], : panel[1]] if height - panel[0] <= 1 and width - panel[1] <= 1 else image


def _write_files(stem: Path, result: DepthFrame, scales: CommonScales, files: Collection[str]) -> None:
    """Write the files of a frame as for images."""
    height, width = result.frame.image.shape[:2]
    inverse_depth = at_size(result.inverse_depth[None], (height, width))[0]
    depth = (1 / inverse_depth).numpy()
    if "npz" in files:
        np.savez(f"{stem}.npz", depth=depth, inverse_depth=inverse_depth.numpy())
    if "png" in files:
        write_image(f"{stem}_depth.png", scales.depth_png(depth))


def _shown(video: Video, name: str) -> Iterator[VideoFrame]:
    """Yield the frames with a progress bar."""
    with counting_bar() as progress:
        yield from progress.track(video.frames(), video.expected, description=f"Predicting {name}")
