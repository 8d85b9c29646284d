"""The frames of one clip in two files: pixels, and the checksum of each frame."""

import os
import stat
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt32


class ClipFiles:
    """The frames of one clip and their checksums, in two files. Nothing is open before it is needed."""

    def __init__(self, stem: Path | str, shape: tuple[int, int, int, int]) -> None:
        self._paths = f"{stem}.u8", f"{stem}.crc"  # not `Path`: of 10^5 clips, a second at opening
        self._shape, self._frame_bytes = shape, shape[1] * shape[2] * shape[3]

    def create(self) -> None:
        """Make the files anew, without a frame; raises `OSError`."""
        for path in self._paths:
            Path(path).unlink(missing_ok=True)  # whoever has the old ones mapped keeps them
        with open(self._paths[0], "xb") as images:
            images.truncate(self._shape[0] * self._frame_bytes)
        with open(self._paths[1], "xb") as sums:
            sums.write(bytes(4 * self._shape[0]))  # their room on the disk is taken now

    def damaged(self) -> bool:
        """Whether a file is missing or has another length than it was made with."""
        lengths = self._shape[0] * self._frame_bytes, 4 * self._shape[0]
        return any(_length(path) != n for path, n in zip(self._paths, lengths, strict=True))

    def view(self, position: int) -> UInt8[np.ndarray, "h w 3"]:
        """The frame at a position, as it lies there."""
        return self._images[position]

    def read(self, position: int) -> UInt8[np.ndarray, "h w 3"] | None:
        """The frame at a position if it is there, whole."""
        image = self._images[position]
        return image if self.marked(position) and self._sums[position] == _checksum(image) else None

    def marked(self, position: int) -> bool:
        """Whether the frame at a position was written; perhaps not whole."""
        return bool(self._sums[position])

    def write(self, position: int, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Put a frame at a position; raises `OSError`, with the frame not marked as there.

        Not by the memory map: on a full disk that would kill the process.
        """
        _write_at(self._paths[0], position * self._frame_bytes, np.ascontiguousarray(image).tobytes())
        _write_at(self._paths[1], position * 4, np.uint32(_checksum(image)).astype("<u4").tobytes())

    def __len__(self) -> int:
        """Number of frames, there or not."""
        return self._shape[0]

    def count(self) -> int:
        """How many frames are marked as there."""
        return int(np.count_nonzero(self._sums)) if self._shape[0] else 0

    def close(self) -> None:
        """Let the maps go, until the next use."""
        self.__dict__.pop("_images", None)
        self.__dict__.pop("_sums", None)

    @cached_property
    def _images(self) -> UInt8[np.ndarray, "n h w 3"]:
        return np.asarray(np.memmap(self._paths[0], np.uint8, "r", shape=self._shape))

    @cached_property
    def _sums(self) -> UInt32[np.ndarray, " n"]:
        return np.asarray(np.memmap(self._paths[1], "<u4", "r", shape=self._shape[:1]))


def _length(path: str) -> int | None:
    """Of a file, in bytes; asked once, as stores have hundreds of thousands. A link, which leads anywhere, is none."""
    try:
        status = os.lstat(path)
        return status.st_size if stat.S_ISREG(status.st_mode) else None
    except FileNotFoundError:
        return None


def _checksum(image: np.ndarray) -> int:
    return zlib.crc32(np.ascontiguousarray(image).data) or 1


def _write_at(path: str, offset: int, content: bytes) -> None:
    handle = os.open(path, os.O_WRONLY)
    try:
        rest = memoryview(content)
        while rest:
            written = os.pwrite(handle, rest, offset)
            rest, offset = rest[written:], offset + written
    finally:
        os.close(handle)
