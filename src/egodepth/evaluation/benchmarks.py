"""The published benchmarks: their frames, their ground truth, and their valid pixels."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from egodepth.data.drive import Drive, frame_name, sample_name, select_drives
from egodepth.data.kitti.eigen import EIGEN_BENCHMARK_FRAMES, EIGEN_FRAMES
from egodepth.data.kitti.lists import Line, positions_of
from egodepth.data.kitti.raw import Truth
from egodepth.data.opening import depth_frames
from egodepth.evaluation.protocols import PROTOCOLS, Protocol
from egodepth.foundation.errors import InputError

Frames = list[tuple[Drive, int]]


@dataclass(frozen=True, kw_only=True)
class Benchmark:
    """A protocol and the frames that it is published for."""

    protocol: Protocol
    lines: Sequence[Line] = ()
    """Its frames in their published order; empty if it takes every frame with true depth."""
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


BENCHMARKS = {
    benchmark.name: benchmark
    for benchmark in (
        Benchmark(protocol=PROTOCOLS["synthetic"]),
        Benchmark(protocol=PROTOCOLS["kitti_2015"], by_frame=True, images=200),
        Benchmark(protocol=PROTOCOLS["eigen"], lines=EIGEN_FRAMES, images=len(EIGEN_FRAMES)),
        Benchmark(
            protocol=PROTOCOLS["eigen_benchmark"],
            lines=EIGEN_BENCHMARK_FRAMES,
            truth="improved",
            images=len(EIGEN_BENCHMARK_FRAMES),
        ),
        Benchmark(protocol=PROTOCOLS["make3d"], images=134),
        Benchmark(protocol=PROTOCOLS["cityscapes"], images=1525),
    )
}
"""Benchmarks by name."""


def published_order(benchmark: Benchmark, drives: Sequence[Drive], root: Path) -> list[str]:
    """Return the names of all samples of a benchmark, existing or not, in the order of other programs' files."""
    if benchmark.lines:
        return [frame_name(line.drive_name, line.frame) for line in benchmark.lines]
    return [sample_name(*one) for one in benchmark_frames(benchmark, drives, ("*",), True, root, needs_depth=False)]


def benchmark_frames(
    benchmark: Benchmark,
    drives: Sequence[Drive],
    patterns: tuple[str, ...],
    partial: bool,
    root: Path,
    needs_depth: bool = True,
) -> Frames:
    """Return the frames of a benchmark, in their published order.

    Args:
        benchmark: the benchmark, with its list if it has one.
        drives: the drives of the data set.
        patterns: glob patterns of the requested drives.
        partial: allow missing frames of the list.
        root: the data set's folder, for messages.
        needs_depth: False if true depth comes from elsewhere.

    Raises:
        InputError: missing frames of the list, or missing truth; gives their number and the first.
    """
    if not benchmark.lines:
        chosen = select_drives(list(drives), patterns)
        frames = depth_frames(chosen)
        if not frames and not needs_depth:
            frames = [(drive, frame) for drive in chosen for frame in drive.frames]
        return sorted(frames, key=lambda one: one[1]) if benchmark.by_frame else frames
    wanted = [line for line in benchmark.lines if any(fnmatch(line.drive_name, pattern) for pattern in patterns)]
    if not wanted:
        raise InputError(f"no drive of {benchmark.name} matches {' '.join(patterns)}; check --drives")
    found, missing = positions_of(wanted, drives)
    frames = [(drives[position], frame) for position, frame in found]
    usable = [(drive, frame) for drive, frame in frames if not needs_depth or drive.has_depth(frame)]
    blind = [f"{drive.name}, frame {frame} (its true depth)" for drive, frame in frames if not drive.has_depth(frame)]
    lost = [f"{line.drive_name}, frame {line.frame}" for line in missing] + (blind if needs_depth else [])
    if lost and (not partial or len(lost) == len(wanted)):
        remedy = "unpack them" if len(lost) == len(wanted) else "unpack them, or evaluate on the rest with --partial"
        raise InputError(
            f"{root}: lacks {len(lost)} of the {len(wanted)} frames that {benchmark.name} has in these drives; the "
            f"first: {lost[0]}; {remedy}, or take every frame with true depth by --all-frames"
        )
    return usable
