"""Ascending frame numbers as runs of consecutive ones. The memory grows with the gaps, not with the frames."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import TypeVar, overload

import numpy as np
from jaxtyping import Int, Int64

T = TypeVar("T")


class ColumnSequence(Sequence[T]):
    """A sequence that is stored as columns of numbers. It equals any sequence with the same items."""

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))


class FrameNumbers(ColumnSequence[int]):
    """Ascending numbers. Slices are lists, so they should be short."""

    def __init__(self, start: Int64[np.ndarray, " runs"], place: Int64[np.ndarray, " runs+1"]) -> None:
        """Take the first number of each run, and the count of numbers before each run and before the end."""
        self.start, self.place = start, place

    @classmethod
    def of(cls, numbers: Sequence[int] | Int[np.ndarray, " n"]) -> "FrameNumbers":
        """Return ascending numbers in this form; a `FrameNumbers` is returned as it is."""
        if isinstance(numbers, FrameNumbers):
            return numbers
        if len(numbers) and numbers[-1] - numbers[0] == len(numbers) - 1:  # a single run, the usual case
            return cls(np.array([numbers[0]], np.int64), np.array([0, len(numbers)]))
        column = np.asarray(numbers, np.int64)
        begins = np.concatenate([np.zeros(min(len(column), 1), np.int64), np.flatnonzero(np.diff(column) != 1) + 1])
        return cls(column[begins], np.append(begins, len(column)))

    def runs(self) -> list[list[int]]:
        """Return [first number, length] of every run."""
        ends = pairwise(self.place.tolist())
        return [[start, end - place] for start, (place, end) in zip(self.start.tolist(), ends, strict=True)]

    def slices(self) -> list[slice]:
        """Return the positions of every run."""
        return [slice(begin, end) for begin, end in pairwise(self.place.tolist())]

    def find(self, number: int) -> int | None:
        """Return the position of a number; None if it is missing."""
        run = int(self.start.searchsorted(number, "right")) - 1
        if run < 0:
            return None
        place = int(self.place[run] + number - self.start[run])
        return place if place < self.place[run + 1] else None

    def shared_with(self, other: Sequence[int]) -> "FrameNumbers":
        """Return the numbers that are also in `other`."""
        other = FrameNumbers.of(other)
        end, other_end = self._end, other._end
        # For each of our runs: the first and last of the other runs that overlap it, and their number.
        first, last = other_end.searchsorted(self.start, "right"), other.start.searchsorted(end, "left")
        count = np.maximum(last - first, 0)
        ours = np.repeat(np.arange(len(count)), count)
        theirs = np.arange(len(ours)) + np.repeat(first - (np.cumsum(count) - count), count)
        start = np.maximum(self.start[ours], other.start[theirs])
        return FrameNumbers(start, _places(np.minimum(end[ours], other_end[theirs]) - start))

    def with_neighbours(self, offsets: Iterable[int]) -> "FrameNumbers":
        """Return the numbers whose neighbours at every offset exist."""
        found = self
        for offset in offsets:
            found = found.shared_with(FrameNumbers(self.start - offset, self.place))
        return found

    @property
    def _end(self) -> Int64[np.ndarray, " runs"]:
        """The number after the last one of each run."""
        return self.start + np.diff(self.place)

    def __len__(self) -> int:
        return int(self.place[-1])

    def __contains__(self, number: object) -> bool:
        return isinstance(number, int | np.integer) and self.find(int(number)) is not None

    def __iter__(self) -> Iterator[int]:
        for start, length in self.runs():
            yield from range(start, start + length)

    @overload
    def __getitem__(self, index: int) -> int: ...
    @overload
    def __getitem__(self, index: slice) -> list[int]: ...
    def __getitem__(self, index: int | slice) -> int | list[int]:
        """Return the number at a position, or those of a slice."""
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"frame {index} of {len(self)}")
        index %= len(self)
        run = int(self.place.searchsorted(index, "right")) - 1
        return int(self.start[run] + index - self.place[run])

    def __repr__(self) -> str:
        return f"FrameNumbers({', '.join(f'{start} to {start + length - 1}' for start, length in self.runs())})"


def _places(lengths: Int64[np.ndarray, " runs"]) -> Int64[np.ndarray, " runs+1"]:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])


def spread_places(count: int, most: int) -> list[int]:
    """Return at most `most` of `count` positions, evenly spaced, with the first and the last."""
    return np.unique(np.linspace(0, count - 1, min(most, count)).round().astype(int)).tolist()
