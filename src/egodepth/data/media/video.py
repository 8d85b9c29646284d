"""Reading video files of any kind by PyAV: upright RGB frames and when each is shown.

Whatever cannot be used is an `InputError`; a stream that is damaged or cut short gives the frames that can be decoded
and says how many they are. Sound is passed over.
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

from egodepth.data.media.images import MAX_PIXELS, SUFFIXES, UNREAD_SUFFIXES, image_size
from egodepth.data.media.tone import is_hdr, tone_mapped
from egodepth.foundation.errors import InputError

VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".mts", ".m2ts", ".wmv", ".flv"),
    *(".3gp", ".ogv", ".mxf", ".h264", ".h265", ".hevc"),
)
"""File names, in lower case, that are taken for videos without a look inside."""
_PHOTO_BRANDS = ("heic", "heix", "heim", "heis", "mif1", "avif")
_STILL_CODECS = ("mjpeg", "png", "bmp", "gif", "webp", "tiff")
LINEAR_FRAMES = 600
"""Up to this length, a selection of frames is found by decoding them all: seeking may find the first alone."""

logger = logging.getLogger("egodepth")


def is_video(path: Path) -> bool:
    """Whether to read a file as a video, by its name, and where that says nothing by a look into it."""
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
    """One picture of a video."""

    image: UInt8[np.ndarray, "h w 3"]
    """RGB, upright."""
    pts: int
    """When it is shown, in the video's `time_base` and counted from the first frame; strictly ascending."""


@dataclass(frozen=True)
class Video:
    """A video file, its first picture stream. Every reading opens the file anew, and closes it when it ends."""

    path: Path
    size: tuple[int, int]
    """(height, width) of the upright frames."""
    time_base: Fraction
    """Seconds a unit of the frames' `pts`."""
    rate: Fraction
    """Frames a second, on average, as far as the file says."""
    expected: int | None
    """How many frames the file says it has; None if it says nothing."""
    pixel_aspect: Fraction
    """Width of an upright pixel over its height."""

    @classmethod
    def open(cls, path: str | Path) -> "Video":
        """Look into a file and decode its first frame.

        Raises:
            InputError: missing, not a video, no picture that can be decoded, over `MAX_PIXELS`, or PyAV is missing.
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
        """Every frame in order. What cannot be decoded is passed over, and a warning at the end says so.

        Raises:
            InputError: the size changes within the video, or it is gone.
        """
        with _opened(self.path) as (container, stream):
            for number, (frame, pts) in enumerate(self._timed(_decoded(self.path, container, stream, warn=True))):
                yield VideoFrame(self._checked(frame, number), pts)

    def spread(self, count: int) -> Iterator[VideoFrame]:
        """About `count` frames, evenly spread; of a long video, key frames near such places, without times (-1)."""
        found = 0
        if self.expected is not None and self.expected > LINEAR_FRAMES:
            for frame in self._sought(count):
                found += 1
                yield frame
        # Some long videos cannot be sought in, or have one key frame: their first part has to do.
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
        """Decoded frames and when they are shown, from the first on: times that are missing or double are made up."""
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
    """The library, imported when it is needed first; an `InputError` says how to install it."""
    try:
        import av
    except ImportError as error:
        raise InputError("reading and writing videos needs PyAV: pip install 'egodepth[video]'") from error
    return av


@contextmanager
def _opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """The container and its video stream, ready to decode."""
    av = pyav()
    if not path.is_file():
        raise InputError(f"{path}: no such video file; check the path")
    try:
        # A playlist posing as a video may name files beside it, but nothing on the network.
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
        # The header is checked above; this stops streams that grow later.
        stream.codec_context.options = {"max_pixels": str(MAX_PIXELS)}
        yield container, stream


def _is_photograph(container: Any) -> bool:
    """FFmpeg opens photographs, too: HEIF and AVIF as a film of one picture, others through a pipe of pictures."""
    return container.metadata.get("major_brand") in _PHOTO_BRANDS or container.format.name.endswith("_pipe")


def _best_stream(container: Any) -> Any:
    """The picture stream of most pixels, the first of equals; never a cover or a preview. None without any.

    Containers that cannot mark covers have them as streams of still pictures beside that of the video.
    """
    attached = pyav().stream.Disposition.attached_pic
    streams = [s for s in container.streams.video if s.codec_context is not None and not s.disposition & attached]
    moving = [s for s in streams if s.codec_context.name not in _STILL_CODECS and s.frames != 1]
    return max(moving or streams, key=lambda s: s.width * s.height, default=None)


def _decoded(path: Path, container: Any, stream: Any, warn: bool = False) -> Generator[Any]:
    """PyAV's frames from where the container stands; damaged packets are passed over."""
    error_type = pyav().FFmpegError
    packets = container.demux(stream)
    frames = damaged = whole = 0
    ended = False
    while not ended:
        try:
            packet = next(packets, None)
        except error_type:
            # The container itself cannot be read any further: only what the decoder still holds is left.
            damaged, packet = damaged + 1, None
        ended = packet is None
        if packet is not None and packet.size:
            whole += 1
            damaged += packet.is_corrupt
        try:
            decoded = stream.decode(packet)
        except error_type as error:
            # An end after the end is no damage.
            damaged, decoded = damaged + (not isinstance(error, EOFError)), []
        for frame in decoded:
            frames += 1
            damaged += frame.is_corrupt
            yield frame
    if warn and (damaged or whole < stream.frames):
        said = f" of {stream.frames}" if stream.frames else ""
        logger.warning("%s: damaged or cut short; %d%s frames could be decoded", path, frames, said)


def _after_seek(path: Path, container: Any, stream: Any, offset: int) -> Any:
    """The key frame at or before a time in the stream, None if it cannot be had."""
    try:
        container.seek((stream.start_time or 0) + offset, stream=stream)
    except pyav().FFmpegError:
        return None
    return next(_decoded(path, container, stream), None)


def _upright(frame: Any) -> UInt8[np.ndarray, "h w 3"]:
    """A decoded frame as RGB, of ordinary contrast, turned and mirrored as its display matrix says."""
    image = frame.to_ndarray(format="rgb24", threads=1)
    if is_hdr(frame.color_trc):
        image = tone_mapped(image, frame.color_trc)
    try:
        matrix = next((data for data in frame.side_data if data.type.name == "DISPLAYMATRIX"), None)
    except ValueError:  # side data that PyAV has no name for, such as EXIF: the angle alone can be had
        return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
    if matrix is None:
        return image
    # Takes (x, y) to (a x + c y, b x + d y): fixed-point numbers, of which only the signs matter here.
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    if abs(b) > abs(a):
        image = image.swapaxes(0, 1)
        a, d = c, b
    if a < 0:
        image = image[:, ::-1]
    if d < 0:
        image = image[::-1]
    return np.ascontiguousarray(image)
