"""Frames at training size, decoded once and kept while there is room: in memory, or on disk for later runs."""

import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from egodepth.data.drive import Drive
from egodepth.data.images import resize_rgb
from egodepth.data.retry import with_retries
from egodepth.data.sample_index import FrameRuns
from egodepth.data.storage.clip_files import ClipFiles
from egodepth.data.storage.prepared import open_prepared
from egodepth.foundation.errors import InputError

_UNSEEN, _KEPT, _READ, _BAD = range(4)
_SOME_BAD, _WRITE_ERROR, _DAMAGE, _TRIED_AGAIN = range(4)
"""Flags that all processes share: a frame was bad, the error number that stopped writing, a frame on disk was damaged,
a read was retried."""
CACHE_BYTES = 6 << 30
"""Memory for frames that are not on disk, in bytes."""
_MAPPED_CLIPS = 8192
"""Most clips that a process maps at once: systems allow about 65 000 memory maps."""


@dataclass(frozen=True)
class BadFrame:
    """A frame that could not be used."""

    drive: str
    frame: int
    partner: bool


class FrameStore:
    """Frames of several drives, resized to one size, by (drive, frame, partner).

    Decoded frames are in memory or in files that forked loader workers share, so each frame is decoded only once.
    Frames beyond `cache_bytes` of memory, or after the disk is full, are decoded every time.
    """

    def __init__(
        self,
        drives: list[Drive],
        size: tuple[int, int],
        cache_bytes: int = CACHE_BYTES,
        folder: Path | None = None,
        partner: bool = False,
        rebuilding: Callable[[str], None] | None = None,
    ) -> None:
        """Open the store. With a folder, some frames are decoded for comparison.

        Args:
            drives: the sources of the frames.
            size: height and width of the stored frames.
            cache_bytes: memory for frames, without a folder.
            folder: a store on disk (see `prepared`), created if missing.
            partner: whether the folder also keeps the partners' frames.
            rebuilding: callback for clips of the folder that do not match and are created again; without it they are an
                error.

        Raises:
            InputError: a folder that is no store of these frames at this size, or cannot be written.
        """
        self.drives, self.size, self.folder = drives, size, folder
        self._runs = FrameRuns(drive.frames for drive in drives)
        self._clips = open_prepared(folder, size, drives, self._runs, partner, rebuilding) if folder else []
        self._mapped: set[int] = set()
        # The partners' slots follow those of all frames. Mono training leaves them untouched, so they cost nothing.
        slots = 2 * len(self)
        frame_bytes = size[0] * size[1] * 3
        kept = 0 if folder else min(slots, cache_bytes // frame_bytes)
        self._flags = mmap.mmap(-1, 4)
        self._state = np.frombuffer(mmap.mmap(-1, max(slots, 1)), np.uint8)
        self._images = np.frombuffer(mmap.mmap(-1, max(kept * frame_bytes, 1)), np.uint8)[: kept * frame_bytes]
        self._images = self._images.reshape(kept, *size, 3)

    def read(self, drive: int, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return a frame at the store's size. An unusable file is an `InputError` and is recorded as bad."""
        slot = self.slot(drive, frame, partner)
        if slot is None:
            raise KeyError(f"{self.drives[drive].name} has no frame {frame}")
        position = slot - self.slots(drive, partner).start
        clip = self._clip(drive, partner)
        if self._state[slot] == _KEPT:
            return clip.view(position) if clip else self._images[slot]
        image = clip.read(position) if clip else None
        if image is not None:
            self._state[slot] = _KEPT  # intact: no further check needed
            return image
        if clip and clip.marked(position):
            self._flags[_DAMAGE] = 1
        try:
            image = with_retries(lambda: self.drives[drive].read_image(frame, partner), self._note_failure)
        except InputError:
            self._state[slot], self._flags[_SOME_BAD] = _BAD, 1
            raise
        image = resize_rgb(image, self.size)
        # Set after the pixels, so that other processes do not read too early.
        self._state[slot] = _KEPT if self._keep(slot, clip, position, image) else _READ
        return image

    def slot(self, drive: int, frame: int, partner: bool = False) -> int | None:
        """Return a frame's slot among all drives' frames, then all partners'; None if the drive does not have it."""
        place = self._runs.slot(drive, frame)
        return None if place is None else place + partner * len(self)

    def slots(self, drive: int, partner: bool = False) -> range:
        """Return the slots of a drive's frames, in order."""
        slots, before = self._runs.slots(drive), partner * len(self)
        return range(slots.start + before, slots.stop + before)

    def has(self, drive: int, frame: int) -> bool:
        """Whether a drive has a frame."""
        return self.slot(drive, frame) is not None

    def bad_frames(self) -> list[BadFrame]:
        """Return the frames that any process has found bad so far, in order."""
        bad = []
        for slot in np.flatnonzero(self._state == _BAD) if self._flags[_SOME_BAD] else ():
            partner, place = divmod(int(slot), len(self))
            drive, frame = self._runs.frame(place)
            bad.append(BadFrame(self.drives[drive].name, frame, bool(partner)))
        return bad

    def write_error(self) -> str:
        """Return why writing to the folder stopped, such as a full disk; empty if it did not."""
        return os.strerror(self._flags[_WRITE_ERROR]) if self._flags[_WRITE_ERROR] else ""

    def troubles(self) -> list[str]:
        """Return the problems with the files, one line each. None of them changes what is read."""
        damage = f"{self.folder}: some frames differ from what had been written; they are decoded again"
        end = f"{self.folder}: cannot be written ({self.write_error()}); the frames it lacks are decoded every time"
        again = "some images could not be read at first, and were when tried again: see to the disk or the network"
        return (
            [damage] * bool(self._flags[_DAMAGE])
            + [end] * bool(self.write_error())
            + [again] * bool(self._flags[_TRIED_AGAIN])
        )

    def _note_failure(self) -> None:
        self._flags[_TRIED_AGAIN] = 1

    def on_disk(self) -> tuple[int, int]:
        """Return the number of frames of these drives in the folder, and the room for them, partners included."""
        clips = set(self._clips)  # some clips share their files
        have = 0
        for clip in clips:
            have += clip.count()
            clip.close()
        return have, sum(map(len, clips))

    def __len__(self) -> int:
        """Return the number of frames, without partners."""
        return len(self._runs)

    def _clip(self, drive: int, partner: bool) -> ClipFiles | None:
        number = drive + partner * len(self.drives)
        if number >= len(self._clips):
            return None
        if number not in self._mapped:
            if len(self._mapped) >= _MAPPED_CLIPS:
                for other in tuple(self._mapped):  # other threads may read at the same time
                    self._clips[other].close()
                self._mapped.clear()
            self._mapped.add(number)
        return self._clips[number]

    def _keep(self, slot: int, clip: ClipFiles | None, position: int, image: UInt8[np.ndarray, "h w 3"]) -> bool:
        """Store a frame if there is room, and return whether it was stored."""
        if clip:
            if self._flags[_WRITE_ERROR]:
                return False
            try:
                clip.write(position, image)
            except OSError as error:
                self._flags[_WRITE_ERROR] = min(error.errno or 5, 255)
                return False
        elif slot < len(self._images):
            self._images[slot] = image
        else:
            return False
        return True
