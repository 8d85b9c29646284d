"""Frames at training size, each decoded once and kept while there is room."""

import mmap
from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt8

from egodepth.data.drive import Drive
from egodepth.data.images import resize_rgb
from egodepth.errors import InputError

_UNSEEN, _KEPT, _READ, _BAD = range(4)


@dataclass(frozen=True)
class BadFrame:
    """A frame that could not be used, and why."""

    drive: str
    frame: int
    partner: bool


class FrameStore:
    """Frames of several drives, resized to one size, by (drive, frame, partner).

    What is decoded lies in anonymous memory that forked loader workers share, so a frame is decoded once whoever asks
    first; frames past `cache_bytes` are decoded every time.
    """

    def __init__(self, drives: list[Drive], size: tuple[int, int], cache_bytes: int = 6 << 30) -> None:
        self.drives, self.size = drives, size
        self._position = [{frame: i for i, frame in enumerate(drive.frames)} for drive in drives]
        self._first_slot = np.concatenate([[0], np.cumsum([len(drive.frames) for drive in drives])])
        # The partners' slots follow those of all frames: mono training leaves them untouched, and they cost nothing.
        slots = 2 * len(self)
        frame_bytes = size[0] * size[1] * 3
        kept = min(slots, cache_bytes // frame_bytes)
        self._state = np.frombuffer(mmap.mmap(-1, max(slots, 1)), np.uint8)
        self._images = np.frombuffer(mmap.mmap(-1, max(kept * frame_bytes, 1)), np.uint8)[: kept * frame_bytes]
        self._images = self._images.reshape(kept, *size, 3)

    def read(self, drive: int, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """A frame at the store's size; `InputError` where its file cannot be used, remembered as bad."""
        slot = int(self._first_slot[drive]) + self._position[drive][frame] + partner * len(self)
        if self._state[slot] == _KEPT:
            return self._images[slot]
        source = self.drives[drive]
        try:
            image = source.read_image(frame, partner)
        except InputError:
            self._state[slot] = _BAD
            raise
        image = resize_rgb(image, self.size)
        if slot < len(self._images):
            self._images[slot] = image
            self._state[slot] = _KEPT  # after the pixels: another process must not see it sooner
        else:
            self._state[slot] = _READ
        return image

    def has(self, drive: int, frame: int) -> bool:
        """Whether a drive has a frame."""
        return frame in self._position[drive]

    def bad_frames(self) -> list[BadFrame]:
        """Frames found bad so far, by any process, in order."""
        bad = []
        for slot in np.flatnonzero(self._state == _BAD):
            partner, index = divmod(int(slot), len(self))
            drive = int(np.searchsorted(self._first_slot, index, side="right")) - 1
            frame = self.drives[drive].frames[index - int(self._first_slot[drive])]
            bad.append(BadFrame(self.drives[drive].name, frame, bool(partner)))
        return bad

    def __len__(self) -> int:
        """Number of frames, partners not counted."""
        return int(self._first_slot[-1])
