"""Voxels that merge the points of many frames, in bounded memory."""

import numpy as np
from jaxtyping import Float32, Float64, Int32, Int64, UInt8

from egodepth.video.cloud.point_cloud import Cloud

_BITS = 21
"""Bits per axis in a voxel's number."""
_HALF = 1 << (_BITS - 1)
_MASK = (1 << _BITS) - 1
_RGB, _CONFIDENCE, _WEIGHT = slice(3, 6), 6, 7
"""Rows of a voxel's sums: position within it (0 to 1), colour and confidence, each times the weight, and the weight."""
_ROWS = 8


class VoxelGrid:
    """Weighted means of the points in each voxel of a grid.

    After sorting there are at most `most` voxels: they grow to twice their side instead, so the whole cloud becomes
    coarser but stays complete. (Keeping the nearest voxels would tear holes, and keeping the newest would lose the
    start.) New points wait unsorted until they are a quarter of `most`, so that one sort serves many frames.
    """

    def __init__(self, side: float, most: int) -> None:
        """Create a grid of voxels of this side."""
        self.side, self._most = side, most
        self._keys = np.empty(0, np.int64)
        self._sums = np.empty((_ROWS, 0), np.float32)
        self._frames = np.empty(0, np.int32)
        self._waiting: list[tuple[np.ndarray, np.ndarray, np.ndarray]] = []

    def add(
        self,
        points: Float32[np.ndarray, "3 n"],
        origin: Float64[np.ndarray, "3"],
        rgb: UInt8[np.ndarray, "n 3"],
        confidence: Float32[np.ndarray, "n"],
        weight: Float32[np.ndarray, "n"],
    ) -> None:
        """Add the points of one frame, relative to `origin`, which alone needs 64-bit precision."""
        keys, within = self._cells(points, origin)
        values = np.concatenate([within, rgb.T.astype(np.float32), confidence[None], np.ones_like(weight)[None]])
        values *= weight
        keys, sums, _ = _gathered(keys, values, np.ones(len(keys), np.int32), np.add)
        # Several points of a frame in one voxel count as one frame.
        self._waiting.append((keys, sums, np.ones(len(keys), np.int32)))
        if self.held - len(self._keys) > self._most // 4:
            self._settle()

    @property
    def held(self) -> int:
        """Number of voxels in memory, sorted and waiting."""
        return len(self._keys) + sum(len(waiting[0]) for waiting in self._waiting)

    def cloud(self, min_frames: int) -> Cloud:
        """Return one point per voxel that at least `min_frames` frames saw, in the order of the voxels."""
        self._settle()
        kept = self._frames >= min_frames
        sums = self._sums[:, kept]
        mean = sums / sums[_WEIGHT]
        place = (_unpacked(self._keys[kept]) + mean[:3].astype(np.float64)) * self.side
        return Cloud(
            np.ascontiguousarray(place.T, np.float32),
            np.ascontiguousarray(np.clip(np.rint(mean[_RGB]), 0, 255).T.astype(np.uint8)),
            np.clip(mean[_CONFIDENCE], 0, 1),
            self._frames[kept],
            self.side,
        )

    def _cells(
        self, points: Float32[np.ndarray, "3 n"], origin: Float64[np.ndarray, "3"]
    ) -> tuple[Int64[np.ndarray, "n"], Float32[np.ndarray, "3 n"]]:
        """Return the voxel of each point, and its position within. Voxels grow until all points fit."""
        while True:
            first = np.floor(origin / self.side)
            rest = (origin / self.side - first).astype(np.float32)
            scaled = points * np.float32(1 / self.side) + rest[:, None]
            floor = np.floor(scaled)
            if (np.abs(floor + first[:, None]) < _HALF - 1).all():
                cells = floor.astype(np.int64) + first.astype(np.int64)[:, None] + _HALF
                return (cells[0] << (2 * _BITS)) | (cells[1] << _BITS) | cells[2], scaled - floor
            self._settle()
            self._grow()

    def _settle(self) -> None:
        """Sort the waiting points into the grid."""
        parts = zip((self._keys, self._sums, self._frames), *self._waiting, strict=True)
        self._keys, self._sums, self._frames = (np.concatenate(part, axis=-1) for part in parts)
        self._waiting = []
        self._keys, self._sums, self._frames = _gathered(self._keys, self._sums, self._frames, np.add)
        while len(self._keys) > self._most:
            self._grow()

    def _grow(self) -> None:
        """Double the side: eight voxels become one."""
        cells = _unpacked(self._keys)
        for axis, place in enumerate(cells):
            self._sums[axis] = (self._sums[axis] + (place & 1) * self._sums[_WEIGHT]) / 2
        cells = (cells >> 1) + _HALF
        keys = (cells[0] << (2 * _BITS)) | (cells[1] << _BITS) | cells[2]
        # The same frame may have seen several of the eight, so the largest count is a lower bound.
        self._keys, self._sums, self._frames = _gathered(keys, self._sums, self._frames, np.maximum)
        self.side *= 2


def _unpacked(keys: Int64[np.ndarray, "n"]) -> Int64[np.ndarray, "3 n"]:
    """Return the positions of voxels along the three axes."""
    return np.stack([keys >> (2 * _BITS), (keys >> _BITS) & _MASK, keys & _MASK]) - _HALF


def _gathered(
    keys: Int64[np.ndarray, "n"], sums: Float32[np.ndarray, "8 n"], frames: Int32[np.ndarray, "n"], count: np.ufunc
) -> tuple[Int64[np.ndarray, "m"], Float32[np.ndarray, "8 m"], Int32[np.ndarray, "m"]]:
    """Return each voxel once, in ascending order: sums added, frame counts combined by `count`."""
    if not len(keys):
        return keys, sums, frames
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    starts = np.flatnonzero(np.concatenate([[True], keys[1:] != keys[:-1]]))
    # Row by row: a sorted copy of all rows would be a large part of the memory.
    added = np.stack([np.add.reduceat(row[order], starts) for row in sums])
    return keys[starts], added, count.reduceat(frames[order], starts).astype(np.int32)
