"""Baselines that ignore the image. A depth network must beat them."""

from collections.abc import Iterable, Mapping
from typing import Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from egodepth.data.batch import DepthSample
from egodepth.evaluation.evaluator import Predict
from egodepth.evaluation.protocols import Protocol

MEAN_MAP_FRAMES = 200
"""Largest number of true depth maps in the mean depth map."""
GRID = (192, 640)
"""Largest size of the mean map: at a finer size than the ground truth it would be full of holes."""


def constant_depth(sample: DepthSample) -> Float[Tensor, "hg wg"]:
    """Predict the same depth everywhere; under median alignment, the image's median."""
    return torch.ones_like(sample.depth)


Averaged = Literal["depth", "inverse depth", "inverse depth over its median"]
MEAN_MAPS: dict[str, Averaged] = {
    "mean map": "depth",
    "mean inverse map": "inverse depth",
    "mean shape": "inverse depth over its median",
}
"""Quantity that each mean map averages, by its name in tables. Tables show only the strongest, which varies."""
IN_METRES = ("mean map", "mean inverse map")
"""Mean maps that have a scale."""


class MeanDepthMap:
    """The mean of true depth, or of inverse depth, at each place of the image, over many frames.

    It averages all valid pixels in each cell of a fixed grid. Frames of different sizes are aligned edge to edge. Empty
    cells get the mean of their row, and empty rows are interpolated: sparse LiDAR truth is enough.
    """

    def __init__(
        self, total: Float[np.ndarray, "h w"], count: Float[np.ndarray, "h w"], averaged: Averaged = "depth"
    ) -> None:
        self._total, self._count = total, count
        self._averaged: Averaged = averaged

    @classmethod
    def of(
        cls, depths: Iterable[Float[Tensor, "_ _"]], protocol: Protocol, averaged: Averaged = "depth"
    ) -> "MeanDepthMap":
        """Return the mean of true depths of any sizes, over the protocol's valid pixels; needs at least one map."""
        return mean_maps(depths, protocol, {"": averaged})[""]

    def without(self, depth: Float[Tensor, "hg wg"], protocol: Protocol) -> "MeanDepthMap":
        """Return the mean without one frame: a frame must not be scored by a map that includes it."""
        sums, counts = _gathered(depth, protocol, (self._total.shape[0], self._total.shape[1]), self._averaged)
        return MeanDepthMap(self._total - sums, self._count - counts, self._averaged)

    def inverse_depth(self) -> Float[Tensor, "h w"]:
        """Return inverse depth in 1/metres, or without unit if divided by the median; holes are filled."""
        rows = self._count.sum(1)
        if not rows.any():
            return torch.ones(self._count.shape)
        known = rows > 0
        row_mean = self._total.sum(1)[known] / rows[known]
        filled = np.interp(np.arange(len(rows)), np.flatnonzero(known), row_mean)[:, None]
        mean = np.where(self._count > 0, self._total / np.maximum(self._count, 1), filled)
        return torch.from_numpy((1 / mean if self._averaged == "depth" else mean).astype(np.float32))


def mean_maps(
    depths: Iterable[Float[Tensor, "_ _"]], protocol: Protocol, kinds: Mapping[str, Averaged] = MEAN_MAPS
) -> dict[str, MeanDepthMap]:
    """Return a mean map of every kind by its name. Each true depth is read once. See `MeanDepthMap.of`."""
    size, total, count = (0, 0), dict.fromkeys(kinds, np.zeros((0, 0))), dict.fromkeys(kinds, np.zeros((0, 0)))
    for depth in depths:
        if size == (0, 0):
            size = min(GRID[0], depth.shape[0]), min(GRID[1], depth.shape[1])
            total, count = dict.fromkeys(kinds, np.zeros(size)), dict.fromkeys(kinds, np.zeros(size))
        for name, averaged in kinds.items():
            sums, counts = _gathered(depth, protocol, size, averaged)
            total[name], count[name] = total[name] + sums, count[name] + counts
    return {name: MeanDepthMap(total[name], count[name], averaged) for name, averaged in kinds.items()}


def everywhere(mean: MeanDepthMap) -> Predict:
    """Predict the mean map for every sample."""
    inverse_depth = mean.inverse_depth()
    return lambda sample: inverse_depth


def leaving_one_out(mean: MeanDepthMap, protocol: Protocol) -> Predict:
    """Predict, for every sample, the mean map of the other samples. The map must include all samples."""
    return lambda sample: mean.without(sample.depth, protocol).inverse_depth()


def _gathered(
    depth: Float[Tensor, "hg wg"], protocol: Protocol, size: tuple[int, int], averaged: Averaged
) -> tuple[Float[np.ndarray, "h w"], Float[np.ndarray, "h w"]]:
    """Return sum and count of the averaged quantity over the valid pixels of each grid cell."""
    row, column = np.nonzero(protocol.valid(depth).numpy())
    # Integer arithmetic for (row + 0.5) / height * size: the cell that contains the pixel's centre.
    cell_row = (2 * row + 1) * size[0] // (2 * depth.shape[0])
    cell_column = (2 * column + 1) * size[1] // (2 * depth.shape[1])
    cell, cells = cell_row * size[1] + cell_column, size[0] * size[1]
    values = depth.numpy()[row, column].astype(np.float64)
    if averaged != "depth":
        values = (np.median(values) if len(values) and averaged.endswith("median") else 1.0) / values
    sums = np.bincount(cell, values, minlength=cells)
    counts = np.bincount(cell, minlength=cells)
    # Without any pixel numpy returns integer sums.
    return sums.astype(np.float64).reshape(size), counts.astype(np.float64).reshape(size)
