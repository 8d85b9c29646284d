"""The published benchmarks in one table. A new benchmark is one line here (docs/extending.md).

This file imports nothing heavy, because the command line lists the names.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from egodepth.config import Truth
from egodepth.evaluation.protocols import Protocol


def _eigen_frames() -> Sequence[Any]:
    from egodepth.data.kitti.eigen import EIGEN_FRAMES

    return EIGEN_FRAMES


def _eigen_benchmark_frames() -> Sequence[Any]:
    from egodepth.data.kitti.eigen import EIGEN_BENCHMARK_FRAMES

    return EIGEN_BENCHMARK_FRAMES


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A protocol and the frames that it is published for."""

    protocol: Protocol
    frames: Callable[[], Sequence[Any]] = tuple
    """Its frames (`data.kitti.lists.Line`) in their published order; empty if it takes every frame with true depth."""
    truth: Truth = "lidar"
    """Which true depth of KITTI's raw drives."""
    images: int | None = None
    """Number of published images; None if the user decides."""
    by_frame: bool = False
    """Sort the frames by number, whichever drive (in KITTI 2015: image size) they belong to."""

    @property
    def name(self) -> str:
        """Name of the protocol."""
        return self.protocol.name


GARG_CROP = (0.40810811, 0.99189189, 0.03594771, 0.96405229)
"""The region of KITTI images that the LiDAR reaches (Garg et al. 2016)."""

_MIDDLE_OF_CITYSCAPES = (1 / 3, 1.0, 192 / 2048, 1856 / 2048)
"""The valid region of images without their lowest quarter (the bonnet): the middle half of the original rows, without
the left and right sides."""

_ALL = (
    Benchmark(protocol=Protocol(name="synthetic", max_depth=80.0)),
    Benchmark(protocol=Protocol(name="kitti_2015"), by_frame=True, images=200),
    Benchmark(
        protocol=Protocol(name="eigen", min_depth=1e-3, max_depth=80.0, crop=GARG_CROP),
        frames=_eigen_frames,
        images=697,
    ),
    Benchmark(protocol=Protocol(name="eigen_benchmark"), frames=_eigen_benchmark_frames, truth="improved", images=652),
    Benchmark(protocol=Protocol(name="make3d", max_depth=70.0, clamp=(1e-3, 70.0), log10=True), images=134),
    Benchmark(
        protocol=Protocol(name="cityscapes", min_depth=1e-3, max_depth=80.0, crop=_MIDDLE_OF_CITYSCAPES), images=1525
    ),
)
BENCHMARKS: dict[str, Benchmark] = {benchmark.name: benchmark for benchmark in _ALL}
"""Benchmarks by name. kitti_2015 and eigen_benchmark use every true depth, make3d uses those of its C1 error.
Predictions are clamped to 80 m, in make3d to 70 m. cityscapes follows the common practice since Casser et al. 2019
(docs/deviations.md)."""
PROTOCOLS: dict[str, Protocol] = {name: benchmark.protocol for name, benchmark in BENCHMARKS.items()}
"""Protocols of the benchmarks by name."""
