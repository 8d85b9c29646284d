"""The plane sweep of one frame: the loops in C compared with the same formula in torch."""

import torch
from rich.console import Console
from rich.progress import track

from benchmarks.figures import Figure, Ratio, Result
from benchmarks.floor import seconds
from egodepth.geometry import Camera
from egodepth.hints import SweepSettings, SweepSource, plane_sweep
from egodepth.hints.sweep import sweep_in_torch

_PLANES, _OFFSETS = 48, (-4, -2, 2, 4)
_CPU = torch.device("cpu")


def measure_hints(size: tuple[int, int], repeats: int) -> Result:
    """Measure the seconds per frame with 48 planes and four sources, both implementations in turns.

    Args:
        size: height and width of the frames.
        repeats: number of repeats, after one of each that is not counted.
    """
    settings = SweepSettings(planes=_PLANES, apart=4)
    target, sources = _made_up(size)
    arguments = (target, Camera.from_fov(80.0, size), sources, settings.inverse_depths(1.0), settings)
    ours, twin = [], []
    shown = track(range(repeats + 1), "Measuring the plane sweep", console=Console(stderr=True), transient=True)
    for turn in shown:
        times = [seconds(lambda way=way: way(*arguments), _CPU) for way in (plane_sweep, sweep_in_torch)]
        if turn:
            ours.append(times[0])
            twin.append(times[1])
    figures = (Figure.of("plane sweep", "s", ours), Figure.of("plane sweep in torch", "s", twin))
    conditions = f"{size[1]}x{size[0]}, {_PLANES} planes, {len(sources)} sources, {torch.get_num_threads()} threads"
    ratio = Ratio("plane sweep in torch over the loops in C, time", figures[1].median / figures[0].median, 9.0)
    return Result("Hints", f"{conditions}, torch {torch.__version__}", figures, (ratio,))


def _made_up(size: tuple[int, int]) -> tuple[torch.Tensor, list[SweepSource]]:
    """Return smooth random frames, and the poses of a camera that moves straight ahead."""
    generator = torch.Generator().manual_seed(0)
    rough = torch.rand(1, 3, size[0] // 8 + 1, size[1] // 8 + 1, generator=generator)
    target = torch.nn.functional.interpolate(rough, size, mode="bilinear")[0]
    sources = []
    for offset in _OFFSETS:
        source_from_target = torch.eye(4)
        source_from_target[2, 3] = -float(offset)
        sources.append(SweepSource(target.roll(offset, 2), source_from_target, offset < 0))
    return target, sources
