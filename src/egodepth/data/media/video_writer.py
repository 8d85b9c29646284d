"""Write video files by PyAV: H.264 in MP4, which every player supports."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from egodepth.data.video import pyav
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import replacing


class VideoWriter:
    """Encoder of frames of one size; created by `video_writer`."""

    def __init__(self, container: Any, stream: Any, time_base: Fraction) -> None:
        """Wrap an output file and its only stream. Frames have times in this base."""
        self._container = container
        self._stream = stream
        # Not the stream's time base: the container changes that one at the first frame.
        self._time_base = time_base

    def write(self, planes: UInt8[np.ndarray, "rows w"], pts: int) -> None:
        """Append a frame in YUV 4:2:0 (see `yuv_planes`), shown at `pts` in the writer's time base."""
        frame = pyav().VideoFrame.from_ndarray(planes, "yuv420p")
        frame.pts, frame.time_base = pts, self._time_base
        self._append(frame)

    def finish(self) -> None:
        """Write the frames that are still in the encoder."""
        self._append(None)

    def _append(self, frame: Any) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except pyav().FFmpegError as error:
            # `replacing` reports a full disk and other system errors.
            if isinstance(error, OSError):
                raise
            raise InputError(f"a video of {self._stream.width}x{self._stream.height} cannot be encoded") from error


@contextmanager
def video_writer(
    path: str | Path, size: tuple[int, int], time_base: Fraction, rate: Fraction, pixel_aspect: Fraction = Fraction(1)
) -> Iterator[VideoWriter]:
    """Write an MP4 for every player: H.264, 4:2:0, BT.709, index at the front. On an error, nothing is written.

    Args:
        path: the output file; ends in .mp4.
        size: (height, width), both even.
        time_base: seconds per unit of the frames' `pts`.
        rate: approximate frames per second; the exact times are those of the frames.
        pixel_aspect: width of a pixel over its height.

    Raises:
        InputError: the file cannot be written, or frames of this size cannot be encoded.
    """
    av = pyav()
    with replacing(path) as beside:
        container = av.open(str(beside), "w", format="mp4", options={"movflags": "faststart"})
        try:
            # Preset ultrafast takes a third of veryfast's time, which the network needs. Without B-frames, times stay
            # as given.
            options = {"preset": "ultrafast", "crf": "20", "bf": "0"}
            stream: Any = container.add_stream("libx264", rate=rate, options=options)
            stream.height, stream.width = size
            stream.pix_fmt = "yuv420p"
            stream.time_base = stream.codec_context.time_base = time_base
            stream.sample_aspect_ratio = pixel_aspect
            context = stream.codec_context
            context.color_primaries = context.color_trc = context.colorspace = context.color_range = 1
            writer = VideoWriter(container, stream, time_base)
            yield writer
            writer.finish()
        finally:
            container.close()


def yuv_planes(rgb: UInt8[np.ndarray, "h w 3"], size: tuple[int, int]) -> UInt8[np.ndarray, "rows w2"]:
    """Return an RGB picture as YUV 4:2:0, BT.709, scaled to (height, width), both even.

    The first `height` rows are Y, then `height / 4` rows are U, and as many are V.
    """
    frame = pyav().VideoFrame.from_numpy_buffer(np.ascontiguousarray(rgb), "rgb24")
    scaled = frame.reformat(size[1], size[0], "yuv420p", dst_colorspace="ITU709", threads=1)
    return scaled.to_ndarray()
