"""Training frames on the device: they are copied once, and the loader's workers send only indices."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Int32, Int64, UInt8
from rich.console import Console
from torch import Tensor

from egodepth.config import DataConfig
from egodepth.data.sample_index import SampleIndex
from egodepth.data.samples.sampler import RawBatch
from egodepth.data.storage.store import FrameStore
from egodepth.foundation.errors import InputError
from egodepth.foundation.progress import counting_bar

_SHARE = 0.5
"""Largest share of the free memory for the frames; the training needs the rest."""
_TOGETHER = 64
"""Number of frames that are read in parallel and copied together."""


class FrameSlots:
    """Indices of the copied frames on the device, for the loader's workers."""

    def __init__(self, store: FrameStore, places: Int32[np.ndarray, " slots"], unreadable: dict[int, str]) -> None:
        """Store the index of every slot (-1: not copied), and the errors of the unreadable slots."""
        self._store, self._places, self._unreadable = store, places, unreadable

    def read(self, drive: int, frame: int, partner: bool = False) -> Int64[np.ndarray, ""]:
        """Return the index of a frame; arguments as in `FrameStore.read`. An unreadable frame is an `InputError`."""
        slot = self._store.slot(drive, frame, partner)
        if slot is None or self._places[slot] < 0:
            raise KeyError(f"{self._store.drives[drive].name}: frame {frame} was not copied to the device")
        if slot in self._unreadable:
            raise InputError(self._unreadable[slot])
        return np.array(self._places[slot], np.int64)


class ResidentFrames:
    """All frames of a training, on its device."""

    def __init__(self, images: UInt8[Tensor, "frames h w 3"], slots: FrameSlots) -> None:
        self.images, self.slots = images, slots

    @classmethod
    def copied(
        cls,
        store: FrameStore,
        samples: SampleIndex,
        config: DataConfig,
        device: torch.device,
        console: Console | None = None,
    ) -> "ResidentFrames":
        """Read every frame of the samples once, in the order of the store, and copy it to the device.

        Args:
            store: reads the frames; a prepared store needs no decoding.
            samples: (drive, frame) of every target.
            config: `offsets` and `stereo` determine the other frames of a sample.
            device: device of the training.
            console: shows the progress; standard error by default.

        Raises:
            InputError: the frames do not fit into half of the device's free memory.
        """
        used = _used(store, samples, config)
        count = int(used.sum())
        _require_room(count, store.size, device)
        images = torch.empty((count, *store.size, 3), dtype=torch.uint8, device=device)
        places = np.full(len(used), -1, np.int32)
        places[used] = np.arange(count)
        return cls(images, FrameSlots(store, places, _copy(store, used, images, console)))

    def filled(self, batch: RawBatch) -> RawBatch:
        """Return a batch on the device, with images instead of indices."""
        return batch._replace(
            images=self.images.index_select(0, batch.images.flatten()).unflatten(0, batch.images.shape)
        )

    def read(self, drive: int, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """Return a frame in the format of `FrameStore.read`."""
        return self.images[int(self.slots.read(drive, frame, partner))].cpu().numpy()


def free_memory(device: torch.device) -> int:
    """Return the free bytes of the device's memory; if unknown, the total memory of the system."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    report = Path("/proc/meminfo")
    if report.exists():
        available = next(line for line in report.read_text().splitlines() if line.startswith("MemAvailable:"))
        return 1024 * int(available.split()[1])
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _require_room(frames: int, size: tuple[int, int], device: torch.device) -> None:
    needed, free = frames * size[0] * size[1] * 3, free_memory(device)
    if needed > _SHARE * free:
        raise InputError(
            f"data.on_device: the {frames} training frames need {needed / 1e9:.1f} GB, but only half of the free "
            f"memory of '{device}' ({free / 1e9:.1f} GB) is for frames; leave --data.on-device out"
        )


def _used(store: FrameStore, samples: SampleIndex, config: DataConfig) -> Bool[np.ndarray, " slots"]:
    """Return the mask of the store's slots, including those of the partners, that the samples need."""
    used = np.zeros(2 * len(store), bool)
    for drive, first, count in zip(samples.drive, samples.frame, np.diff(samples.first), strict=False):  # but the end
        for offset in (0, *config.offsets):
            _mark(used, store, int(drive), range(int(first) + offset, int(first) + offset + int(count)))
        if config.stereo:
            _mark(used, store, int(drive), range(int(first), int(first) + int(count)), partner=True)
    return used


def _mark(
    used: Bool[np.ndarray, " slots"], store: FrameStore, drive: int, frames: range, partner: bool = False
) -> None:
    """Mark the slots of those consecutive frames that exist; some are missing only around a lone pair."""
    first, last = (store.slot(drive, frame, partner) for frame in (frames[0], frames[-1]))
    if first is not None and last is not None and last - first == len(frames) - 1:
        used[first : last + 1] = True
        return
    for frame in frames:
        slot = store.slot(drive, frame, partner)
        if slot is not None:
            used[slot] = True


def _frames(store: FrameStore, used: Bool[np.ndarray, " slots"]) -> Iterator[tuple[int, int, int, bool]]:
    """Yield (slot, drive, frame, partner) of the marked slots, ascending."""
    for partner in (False, True):
        for position, drive in enumerate(store.drives):
            slots = store.slots(position, partner)
            for place in np.flatnonzero(used[slots.start : slots.stop]).tolist():
                yield slots.start + place, position, drive.frames[place], partner


def _copy(
    store: FrameStore, used: Bool[np.ndarray, " slots"], images: UInt8[Tensor, "frames h w 3"], console: Console | None
) -> dict[int, str]:
    """Copy the marked frames to `images` in their order, and return the errors of the unreadable slots."""
    unreadable: dict[int, str] = {}
    waiting = torch.empty((_TOGETHER, *store.size, 3), dtype=torch.uint8)
    rows = waiting.numpy()

    def read(row: int, slot: int, drive: int, frame: int, partner: bool) -> None:
        try:
            rows[row] = store.read(drive, frame, partner)
        except InputError as error:
            unreadable[slot] = str(error)

    frames, done = _frames(store, used), 0
    with counting_bar(console=console) as bar, ThreadPoolExecutor(os.cpu_count()) as pool:
        task = bar.add_task(f"Copying frames to {images.device}", total=len(images))
        while done < len(images):
            group = [next(frames) for _ in range(min(_TOGETHER, len(images) - done))]
            list(pool.map(lambda work: read(work[0], *work[1]), enumerate(group)))
            images[done : done + len(group)] = waiting[: len(group)]
            done += len(group)
            bar.update(task, completed=done)
    return unreadable
