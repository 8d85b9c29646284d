"""The frames of a benchmark among those of a data set."""

from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from egodepth.data.drive import Drive, frame_name, sample_name, select_drives
from egodepth.data.opening import depth_frames
from egodepth.data.registry import listed_positions
from egodepth.evaluation.benchmarks import Benchmark
from egodepth.foundation.errors import InputError

Frames = list[tuple[Drive, int]]


def published_order(benchmark: Benchmark, drives: Sequence[Drive], root: Path) -> list[str]:
    """Return the names of all samples of a benchmark, existing or not, in the order of other programs' files."""
    if lines := benchmark.frames():
        return [frame_name(line.drive_name, line.frame) for line in lines]
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
    lines = benchmark.frames()
    if not lines:
        chosen = select_drives(list(drives), patterns)
        frames = depth_frames(chosen)
        if not frames and not needs_depth:
            frames = [(drive, frame) for drive in chosen for frame in drive.frames]
        return sorted(frames, key=lambda one: one[1]) if benchmark.by_frame else frames
    wanted = [line for line in lines if any(fnmatch(line.drive_name, pattern) for pattern in patterns)]
    if not wanted:
        raise InputError(f"no drive of {benchmark.name} matches {' '.join(patterns)}; check --drives")
    found, missing = listed_positions(wanted, drives)
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
