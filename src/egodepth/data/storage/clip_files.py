"""The frames of one clip in two files: pixels, and a checksum per frame."""

import os
import stat
import zlib
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import UInt8, UInt32


class ClipFiles:
    """The frames of one clip and their checksums, in two files. They are opened on first use."""

    def __init__(self, stem: Path | str, shape: tuple[int, int, int, int]) -> None:
        self._paths = f"{stem}.u8", f"{stem}.crc"  # not `Path`: for 10^5 clips it would cost a second at opening
        self._shape, self._frame_bytes = shape, shape[1] * shape[2] * shape[3]

    def create(self) -> None:
        """Create empty files; raises `OSError`."""
        for path in self._paths:
            Path(path).unlink(missing_ok=True)  # processes that have mapped the old files keep them
        with open(self._paths[0], "xb") as images:
            images.truncate(self._shape[0] * self._frame_bytes)
        with open(self._paths[1], "xb") as sums:
            sums.write(bytes(4 * self._shape[0]))  # allocates the disk space now

    def damaged(self) -> bool:
        """Whether a file is missing or has a wrong length."""
        lengths = self._shape[0] * self._frame_bytes, 4 * self._shape[0]
        return any(_length(path) != n for path, n in zip(self._paths, lengths, strict=True))

    def view(self, position: int) -> UInt8[np.ndarray, "h w 3"]:
        """Return the frame at a position without a check."""
        return self._images[position]

    def read(self, position: int) -> UInt8[np.ndarray, "h w 3"] | None:
        """Return the frame at a position if it exists and is intact."""
        image = self._images[position]
        return image if self.marked(position) and self._sums[position] == _checksum(image) else None

    def marked(self, position: int) -> bool:
        """Whether the frame at a position was written, perhaps incompletely."""
        return bool(self._sums[position])

    def write(self, position: int, image: UInt8[np.ndarray, "h w 3"]) -> None:
        """Write a frame to a position; raises `OSError` without marking the frame as written.

        It does not use the memory map: on a full disk that would kill the process.
        """
        _write_at(self._paths[0], position * self._frame_bytes, np.ascontiguousarray(image).tobytes())
        _write_at(self._paths[1], position * 4, np.uint32(_checksum(image)).astype("<u4").tobytes())

    def __len__(self) -> int:
        """Return the number of frames, written or not."""
        return self._shape[0]

    def count(self) -> int:
        """Return the number of frames that are marked as written."""
        return int(np.count_nonzero(self._sums)) if self._shape[0] else 0

    def close(self) -> None:
        """Close the maps until the next use."""
        self.__dict__.pop("_images", None)
        self.__dict__.pop("_sums", None)

    @cached_property
    def _images(self) -> UInt8[np.ndarray, "n h w 3"]:
        return np.asarray(np.memmap(self._paths[0], np.uint8, "r", shape=self._shape))

    @cached_property
    def _sums(self) -> UInt32[np.ndarray, " n"]:
        return np.asarray(np.memmap(self._paths[1], "<u4", "r", shape=self._shape[:1]))


def _length(path: str) -> int | None:
    """Return the length of a file in bytes by one system call, because stores have 10^5 files. Links do not count."""
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
