"""Frames, samples and their order as columns of numbers, without a Python object per frame."""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from typing import overload

import numpy as np
from jaxtyping import Int, Int32, Int64

from egodepth.data.media.frame_numbers import ColumnSequence, FrameNumbers
from egodepth.foundation.errors import InputError
from egodepth.foundation.files import replacing

_TABLE_LIMIT = 1 << 22
"""Up to this many samples the order of an epoch is a table (32 MiB). Beyond, it is computed on request."""
_ROUNDS = 6
_COLUMNS = {"first": np.dtype(np.int64), "drive": np.dtype(np.int32), "frame": np.dtype(np.int64)}


class SampleIndex(ColumnSequence[tuple[int, int]]):
    """(drive, frame) of every sample, stored as columns of runs: samples of one drive with consecutive frames.

    The columns may be memory-mapped files.
    """

    def __init__(
        self, first: Int64[np.ndarray, " runs"], drive: Int32[np.ndarray, " runs"], frame: Int64[np.ndarray, " runs"]
    ) -> None:
        """Take the first sample, drive and frame of each run. A last, empty run marks the end."""
        self.first, self.drive, self.frame = first, drive, frame

    @classmethod
    def of(cls, samples: Iterable[tuple[int, int]]) -> "SampleIndex":
        """Build from single samples."""
        if isinstance(samples, SampleIndex):
            return samples
        pairs = np.array(list(samples), np.int64).reshape(-1, 2)
        follows = (np.diff(pairs, axis=0) == (0, 1)).all(1)
        first = np.flatnonzero(np.concatenate([np.full(min(len(pairs), 1), True), ~follows, [True]]))
        pairs = np.concatenate([pairs, [(0, 0)]])
        return cls(first, pairs[first, 0].astype(np.int32), pairs[first, 1])

    @classmethod
    def of_drives(cls, frames: Iterable[Sequence[int]]) -> "SampleIndex":
        """Build from all frames of each drive, one drive after the other."""
        drives = [FrameNumbers.of(numbers) for numbers in frames]
        # The end is a run of length 0 of one more drive, so no list is empty.
        lengths = np.concatenate([[0], *(np.diff(numbers.place) for numbers in drives)])
        runs = [len(numbers.start) for numbers in drives]
        drive = np.repeat(np.arange(len(drives) + 1, dtype=np.int32), [*runs, 1])
        drive[-1] = 0
        frame = np.concatenate([*(numbers.start for numbers in drives), [0]])
        return cls(np.cumsum(lengths), drive, frame)

    @classmethod
    def open(cls, folder: str | Path) -> "SampleIndex":
        """Map the columns written by `save`, without reading them; `InputError` if they are missing or damaged."""
        try:
            columns = [np.load(Path(folder) / f"{name}.npy", mmap_mode="r") for name in _COLUMNS]
        except (OSError, ValueError) as error:
            raise InputError(f"{folder}: no readable index of samples; write it again") from error
        kinds = [(column.dtype, column.shape) for column in columns]
        if kinds != [(kind, columns[0].shape[:1]) for kind in _COLUMNS.values()] or not len(columns[0]):
            raise InputError(f"{folder}: not an index of samples; write it again")
        return cls(*columns)

    def save(self, folder: str | Path) -> None:
        """Write each column to a file; raises `InputError` on a full disk."""
        for name in _COLUMNS:
            with replacing(Path(folder) / f"{name}.npy") as beside:
                np.save(beside, getattr(self, name))

    def used_drives(self) -> tuple[list[int], "SampleIndex"]:
        """Return the positions of the drives that have samples, ascending, and the index that counts only these."""
        used, drive = np.unique(self.drive[:-1], return_inverse=True)
        return used.tolist(), SampleIndex(self.first, np.append(drive, 0).astype(np.int32), self.frame)

    def __len__(self) -> int:
        return int(self.first[-1])

    def __iter__(self) -> Iterator[tuple[int, int]]:
        for run in range(len(self.first) - 1):
            drive, frame = int(self.drive[run]), int(self.frame[run])
            for after in range(int(self.first[run + 1] - self.first[run])):
                yield drive, frame + after

    @overload
    def __getitem__(self, index: int) -> tuple[int, int]: ...
    @overload
    def __getitem__(self, index: slice) -> list[tuple[int, int]]: ...
    def __getitem__(self, index: int | slice) -> tuple[int, int] | list[tuple[int, int]]:
        """Return the sample at a position, or those of a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"sample {index} of {len(self)}")
        index %= len(self)
        run = int(np.searchsorted(self.first, index, side="right")) - 1
        return int(self.drive[run]), int(self.frame[run] + index - self.first[run])


class FrameRuns:
    """Frame numbers of several drives. Slots 0, 1, 2, ... follow the order of the drives and of their numbers."""

    def __init__(self, numbers: Iterable[Sequence[int]]) -> None:
        """Take each drive's frame numbers, ascending."""
        self._drives = [FrameNumbers.of(frames) for frames in numbers]
        self._first_slot = [0, *accumulate(map(len, self._drives))]

    def slot(self, drive: int, frame: int) -> int | None:
        """Return the slot of a frame; None if the drive does not have it."""
        place = self._drives[drive].find(frame)
        return None if place is None else self._first_slot[drive] + place

    def frame(self, slot: int) -> tuple[int, int]:
        """Return the (drive, frame number) of a slot."""
        drive = bisect_right(self._first_slot, slot) - 1
        return drive, self._drives[drive][slot - self._first_slot[drive]]

    def slots(self, drive: int) -> range:
        """Return the slots of a drive."""
        return range(self._first_slot[drive], self._first_slot[drive + 1])

    def runs(self, drive: int) -> list[list[int]]:
        """Return [first number, length] of a drive's runs."""
        return self._drives[drive].runs()

    def __len__(self) -> int:
        return self._first_slot[-1]


class EpochOrder:
    """The order in which an epoch visits its samples: a permutation that depends on the seed and the epoch alone.

    For many samples it is a keyed bijection: a Feistel network on the smallest power of two above their number, applied
    again to numbers outside. Each lookup takes microseconds and no memory, whatever the number of samples.
    """

    def __init__(self, seed: int, epoch: int, samples: int, table_limit: int = _TABLE_LIMIT) -> None:
        """Describe the order. `table_limit` is for tests, because it changes the order."""
        self.samples = samples
        generator = np.random.default_rng([seed, epoch])
        self._table = generator.permutation(samples) if samples <= table_limit else None
        self._keys = generator.integers(0, 1 << 63, _ROUNDS, np.uint64)

    def at(self, places: Int[np.ndarray, " k"]) -> Int64[np.ndarray, " k"]:
        """Return the samples at positions of the order, 0 to `samples` - 1."""
        if self._table is not None:
            return self._table[places]
        found = self._mixed(places.astype(np.uint64))
        # Fewer than half of the numbers lie outside, so this takes about two rounds. It ends, because the numbers
        # follow a cycle.
        while len(outside := np.flatnonzero(found >= self.samples)):
            found[outside] = self._mixed(found[outside])
        return found.astype(np.int64)

    def _mixed(self, numbers: np.ndarray) -> np.ndarray:
        """Apply the bijection on the power of two. Each round adds a keyed hash of one half to the other."""
        bits = max(int(self.samples - 1).bit_length(), 2)
        low_bits, high_bits = np.uint64(bits // 2), np.uint64(bits - bits // 2)
        for key in self._keys:
            low, high = numbers & ((np.uint64(1) << low_bits) - np.uint64(1)), numbers >> low_bits
            high ^= _hash(low ^ key) & ((np.uint64(1) << high_bits) - np.uint64(1))
            # The halves swap, with their widths.
            numbers, low_bits, high_bits = low << high_bits | high, high_bits, low_bits
        return numbers


def _hash(values: np.ndarray) -> np.ndarray:
    """Return 64 well-mixed bits (the finaliser of SplitMix64, Steele et al. 2014)."""
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return values ^ (values >> np.uint64(31))
