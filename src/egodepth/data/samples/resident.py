"""Training frames copied once to the device that trains: a step gathers them there, and workers hand over numbers."""

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
"""Of the free memory, for the frames; the training needs the rest."""
_TOGETHER = 64
"""Frames that are read side by side and copied in one go."""


class FrameSlots:
    """Where each frame lies among those that were copied: all that a loader worker needs of them."""

    def __init__(self, store: FrameStore, places: Int32[np.ndarray, " slots"], unreadable: dict[int, str]) -> None:
        """Take the place of every slot of the store, -1 for none, and why there is no image at some of them."""
        self._store, self._places, self._unreadable = store, places, unreadable

    def read(self, drive: int, frame: int, partner: bool = False) -> Int64[np.ndarray, ""]:
        """A frame's place, as `FrameStore.read` gives its image; raises the `InputError` of one that was bad."""
        slot = self._store.slot(drive, frame, partner)
        if slot is None or self._places[slot] < 0:
            raise KeyError(f"{self._store.drives[drive].name}: frame {frame} is not among those that were copied")
        if slot in self._unreadable:
            raise InputError(self._unreadable[slot])
        return np.array(self._places[slot], np.int64)


class ResidentFrames:
    """The frames that a training uses, on its device."""

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
        """Read every frame of the samples once, in the order in which they lie, and copy them to the device.

        Args:
            store: reads them; a prepared one decodes nothing.
            samples: (drive, frame) of every target.
            config: its `offsets` and `stereo` say what else a sample is made of.
            device: where they go.
            console: where the progress is shown; standard error by default.

        Raises:
            InputError: they do not fit into half of the device's free memory.
        """
        used = _used(store, samples, config)
        count = int(used.sum())
        _require_room(count, store.size, device)
        images = torch.empty((count, *store.size, 3), dtype=torch.uint8, device=device)
        places = np.full(len(used), -1, np.int32)
        places[used] = np.arange(count)
        return cls(images, FrameSlots(store, places, _copy(store, used, images, console)))

    def filled(self, batch: RawBatch) -> RawBatch:
        """The batch, already on the device, with the images in the place of their slots."""
        return batch._replace(
            images=self.images.index_select(0, batch.images.flatten()).unflatten(0, batch.images.shape)
        )

    def read(self, drive: int, frame: int, partner: bool = False) -> UInt8[np.ndarray, "h w 3"]:
        """A frame, as `FrameStore.read` gives it."""
        return self.images[int(self.slots.read(drive, frame, partner))].cpu().numpy()


def free_memory(device: torch.device) -> int:
    """Bytes of the device's memory that are free; where that is not known, of the memory that the system has."""
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
            f"data.on_device: the {frames} training frames need {needed / 1e9:.1f} GB; of the memory of '{device}' "
            f"{free / 1e9:.1f} GB are free, half of them for frames; leave --data.on-device out"
        )


def _used(store: FrameStore, samples: SampleIndex, config: DataConfig) -> Bool[np.ndarray, " slots"]:
    """Which of the store's slots, the partners' included, the samples are made of."""
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
    """Mark those of consecutive frames that exist; they all do but around a lone pair."""
    first, last = (store.slot(drive, frame, partner) for frame in (frames[0], frames[-1]))
    if first is not None and last is not None and last - first == len(frames) - 1:
        used[first : last + 1] = True
        return
    for frame in frames:
        slot = store.slot(drive, frame, partner)
        if slot is not None:
            used[slot] = True


def _frames(store: FrameStore, used: Bool[np.ndarray, " slots"]) -> Iterator[tuple[int, int, int, bool]]:
    """(slot, drive, frame, partner) of the marked slots, ascending."""
    for partner in (False, True):
        for position, drive in enumerate(store.drives):
            slots = store.slots(position, partner)
            for place in np.flatnonzero(used[slots.start : slots.stop]).tolist():
                yield slots.start + place, position, drive.frames[place], partner


def _copy(
    store: FrameStore, used: Bool[np.ndarray, " slots"], images: UInt8[Tensor, "frames h w 3"], console: Console | None
) -> dict[int, str]:
    """Copy the marked frames to the images, in their order; returns why some slots cannot be read."""
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
