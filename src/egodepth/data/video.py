"""Read video files of any format by PyAV: upright RGB frames and their times.

Unusable files are an `InputError`. A damaged or truncated stream gives the frames that can be decoded, and a warning
with their number. Sound is ignored.
"""

import logging
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import UInt8

from egodepth.data.images import MAX_PIXELS, SUFFIXES, UNREAD_SUFFIXES, image_size
from egodepth.data.tone import is_hdr, tone_mapped
from egodepth.foundation.errors import InputError

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv"),
    *(".3gp", ".ogv", ".mxf", ".h264", ".h265", ".hevc"),
)
"""Suffixes, in lower case, that mark a file as video without opening it."""
_PHOTO_BRANDS = ("heic", "heix", "heim", "heis", "mif1", "avif")
_STILL_CODECS = ("mjpeg", "png", "bmp", "gif", "webp", "tiff")
LINEAR_FRAMES = 600
"""Up to this length, evenly spaced frames are found by decoding all: seeking may find only the first one."""

logger = logging.getLogger("egodepth")


def is_video(path: Path) -> bool:
    """Whether to read a file as a video: by its suffix, or by opening it if the suffix is unknown."""
    suffix = path.suffix.lower()
    if suffix in (*VIDEO_SUFFIXES, *SUFFIXES, *UNREAD_SUFFIXES) or not path.is_file():
        return suffix in VIDEO_SUFFIXES
    try:
        image_size(path)
    except InputError:
        try:
            with _opened(path) as (container, _):
                return not _is_photograph(container)
        except InputError:
            pass
    return False


class VideoFrame(NamedTuple):
    """One frame of a video."""

    image: UInt8[np.ndarray, "h w 3"]
    """RGB, upright."""
    pts: int
    """Time in units of the video's `time_base`, from the first frame; strictly ascending."""


@dataclass(frozen=True)
class Video:
    """A video file and its main video stream. Each reading opens the file, and closes it at the end."""

    path: Path
    size: tuple[int, int]
    """(height, width) of the upright frames."""
    time_base: Fraction
    """Seconds per unit of the frames' `pts`."""
    rate: Fraction
    """Average frames per second, as far as the file gives it."""
    expected: int | None
    """Number of frames according to the file; None if unknown."""
    pixel_aspect: Fraction
    """Width of an upright pixel over its height."""

    @classmethod
    def open(cls, path: str | Path) -> "Video":
        """Open a file and decode its first frame.

        Raises:
            InputError: missing, not a video, no frame can be decoded, over `MAX_PIXELS`, or PyAV is missing.
        """
        path = Path(path)
        with _opened(path) as (container, stream), closing(_decoded(path, container, stream)) as decoded:
            first = next(decoded, None)
            if first is None:
                raise InputError(f"{path}: no frame of it can be decoded; copy it again or convert it")
            size = _upright(first).shape[:2]
            rate = stream.average_rate or stream.guessed_rate or Fraction(25)
            seconds = float(stream.duration * stream.time_base) if stream.duration else (container.duration or 0) / 1e6
            aspect = stream.sample_aspect_ratio or Fraction(1)
            turned = size != (first.height, first.width)
            return cls(
                path,
                (size[0], size[1]),
                stream.time_base or 1 / rate,
                rate,
                stream.frames or round(seconds * rate) or None,
                1 / aspect if turned else aspect,
            )

    def frames(self) -> Iterator[VideoFrame]:
        """Yield every frame in order. Undecodable ones are skipped, and a final warning reports it.

        Raises:
            InputError: the size changes within the video, or the file is gone.
        """
        with _opened(self.path) as (container, stream):
            for number, (frame, pts) in enumerate(self._timed(_decoded(self.path, container, stream, warn=True))):
                yield VideoFrame(self._checked(frame, number), pts)

    def spread(self, count: int) -> Iterator[VideoFrame]:
        """Yield about `count` frames, evenly spaced. In a long video these are key frames, without times (-1)."""
        found = 0
        if self.expected is not None and self.expected > LINEAR_FRAMES:
            for frame in self._sought(count):
                found += 1
                yield frame
        # Some long videos cannot be sought, or have only one key frame. Then use their first part.
        if found < min(count, 2):
            step = -(-min(self.expected or LINEAR_FRAMES, LINEAR_FRAMES) // count)
            with _opened(self.path) as (container, stream):
                decoded = self._timed(_decoded(self.path, container, stream))
                for number, (frame, pts) in enumerate(islice(decoded, LINEAR_FRAMES)):
                    if number % step == 0:
                        yield VideoFrame(self._checked(frame, number), pts)

    def _sought(self, count: int) -> Iterator[VideoFrame]:
        seen: set[int | None] = set()
        length = round((self.expected or 0) / self.rate / self.time_base)
        with _opened(self.path) as (container, stream):
            for part in range(count):
                frame = _after_seek(self.path, container, stream, length * (2 * part + 1) // (2 * count))
                if frame is not None and frame.pts not in seen:
                    seen.add(frame.pts)
                    yield VideoFrame(self._checked(frame, part), -1)

    def _timed(self, frames: Iterable[Any]) -> Iterator[tuple[Any, int]]:
        """Yield decoded frames with times from the first on; missing or repeated times are replaced."""
        tick = max(1, round(1 / self.rate / self.time_base))
        before, start = -1, None
        for frame in frames:
            start = frame.pts if start is None else start
            pts = (0 if before < 0 else before + tick) if frame.pts is None else frame.pts - start
            before = max(pts, before + 1)
            yield frame, before

    def _checked(self, frame: Any, number: int) -> UInt8[np.ndarray, "h w 3"]:
        image = _upright(frame)
        if image.shape[:2] != self.size:
            was, now = f"{self.size[1]}x{self.size[0]}", f"{image.shape[1]}x{image.shape[0]}"
            raise InputError(f"{self.path}: frame {number} is {now} where the first is {was}; cut the video there")
        return image


def pyav() -> ModuleType:
    """Import PyAV on first use; an `InputError` explains how to install it."""
    try:
        import av
    except ImportError as error:
        raise InputError("reading and writing videos needs PyAV: pip install 'egodepth[video]'") from error
    return av


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Open the container and its video stream for decoding."""
    av = pyav()
    if not path.is_file():
        raise InputError(f"{path}: no such video file; check the path")
    try:
        # A playlist disguised as a video may name files beside it, but nothing on the network.
        container = av.open(str(path), options={"protocol_whitelist": "file"})
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: not a readable video, or truncated; copy it again or convert it") from error
    with container:
        stream = _best_stream(container)
        if stream is None:
            raise InputError(f"{path}: no video stream that can be decoded; check the path or convert it")
        if stream.width * stream.height > MAX_PIXELS:
            raise InputError(f"{path}: frames over {MAX_PIXELS // 10**6} megapixels; shrink the video")
        stream.thread_type = "AUTO"
        # The header was checked above. This stops streams that grow later.
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        yield container, stream


def _is_photograph(container: Any) -> bool:
    """Whether this is a photograph: HEIF and AVIF open as a video of one frame, others as a pipe of pictures."""
    return container.metadata.get("major_brand") in _PHOTO_BRANDS or container.format.name.endswith("_pipe")


def _best_stream(container: Any) -> Any:
    """Return the video stream with the most pixels, the first of equals; never a cover or a preview. None without any.

    Containers that cannot mark covers store them as streams of still pictures.
    """
    attached = pyav().stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & attached]
    moving = [s for s in streams if s.codec_context.name not in _STILL_CODECS and s.frames != 1]
    return max(moving or streams, key=lambda s: s.width * s.height, default=None)


def _decoded(path: Path, container: Any, stream: Any, warn: bool = False) -> Generator[Any]:
    """Yield PyAV's frames from the current position; damaged packets are skipped."""
    error_type = pyav().FFmpegError
    packets = container.demux(stream)
    frames = damaged = whole = 0
    ended = False
    while not ended:
        try:
            packet = next(packets, None)
        except error_type:
            # The container is unreadable from here on: only frames inside the decoder remain.
            damaged, packet = damaged + 1, None
        ended = packet is None
        if packet is not None and packet.size:
            whole += 1
            damaged += packet.is_corrupt
        try:
            decoded = stream.decode(packet)
        except error_type as error:
            # An end of file after the end is not damage.
            damaged, decoded = damaged + (not isinstance(error, EOFError)), []
        for frame in decoded:
            frames += 1
            damaged += frame.is_corrupt
            yield frame
    if warn and (damaged or whole < stream.frames):
        said = f" of {stream.frames}" if stream.frames else ""
        logger.warning("%s: damaged or cut short; %d%s frames could be decoded", path, frames, said)


def _after_seek(path: Path, container: Any, stream: Any, offset: int) -> Any:
    """Return the key frame at or before a time in the stream; None if seeking fails."""
    try:
        container.seek((stream.start_time or 0) + offset, stream=stream)
    except pyav().FFmpegError:
        return None
    return next(_decoded(path, container, stream), None)


def _upright(frame: Any) -> UInt8[np.ndarray, "h w 3"]:
    """Return a decoded frame as RGB with ordinary contrast, rotated and mirrored by its display matrix."""
    image = frame.to_ndarray(format="rgb24", threads=1)
    if is_hdr(frame.color_trc):
        image = tone_mapped(image, frame.color_trc)
    try:
        matrix = next((data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), None)
    except ValueError:  # side data unknown to PyAV, such as EXIF: only the angle is available
        return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
    if matrix is None:
        return image
    # The matrix maps (x, y) to (a x + c y, b x + d y) in fixed-point numbers. Only the signs matter here.
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(b) > abs(a):
        image = image.swapaxes(0, 1)
        a, d = c, b
    if a < 0:
        image = image[:, ::-1]
    if d < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)
