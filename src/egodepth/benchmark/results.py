"""Loader, inference and video as results: figures and the ratios that are held against marks."""

from egodepth.benchmark.figures import Figure, Ratio, Result
from egodepth.benchmark.inference import REFERENCE, measure_inference
from egodepth.benchmark.loader import measure_index, measure_loader
from egodepth.benchmark.video import measure_video

_INDEX_SAMPLES = 10**8
_MARKS = {"openvino float32": 1.5, "openvino int8": 4.0}
"""Of the speed over plain eager PyTorch."""


def loader_result(size: tuple[int, int], repeats: int, device: str) -> Result:
    """Processor time of a sample, and an index of 10^8 samples."""
    costs, index = measure_loader(size, repeats=repeats, device=device), measure_index(_INDEX_SAMPLES)
    ways = {
        "the common way (PIL, 4 sizes, jitter)": costs.common,
        "from JPEG, each frame decoded once": costs.jpeg,
        "from JPEG, nothing kept": costs.jpeg_uncached,
        "from a store, first epoch": costs.store,
        "from a store, later": costs.store_again,
        f"to float, flip, jitter on {costs.device_name}": costs.device,
    }
    figures = [Figure(name, "ms/sample", cost.median, cost.lowest, cost.highest) for name, cost in ways.items()]
    figures += [
        Figure.of("index of 10^8 samples: to open", "s", [index.open_s]),
        Figure.of("index of 10^8 samples: a batch of 12", "µs", [index.batch_us]),
        Figure.of("index of 10^8 samples: memory", "MB", [index.resident_mb]),
    ]
    ratios = (
        Ratio("from JPEG, with the jitter", costs.ratio(costs.jpeg), 6.0),
        Ratio("from a store, with the jitter", costs.ratio(costs.store_again), 60.0),
        Ratio("from a store, without the jitter", costs.ratio(costs.store_again, jitter=False), 60.0),
        Ratio("index of 10^8 samples: seconds to open", index.open_s, 1.0, at_most=True),
        Ratio("index of 10^8 samples: MB resident", index.resident_mb, 200.0, at_most=True),
    )
    conditions = f"3 frames of 1242x375 to {size[1]}x{size[0]}, processor time of one thread"
    return Result("Loader", conditions, tuple(figures), ratios)


def inference_result(model: str, size: tuple[int, int], repeats: int) -> Result:
    """Milliseconds of one image in every way that a model can be run."""
    found = measure_inference(model or None, size, repeats)
    figures = tuple(Figure(t.way, "ms", t.median, t.fastest, t.slowest) for t in found.timings)
    speedups = {timing.way: timing.speedup for timing in found.timings}
    ratios = tuple(Ratio(f"{way} over {REFERENCE}", speedups[way], mark) for way, mark in _MARKS.items())
    return Result("Inference", f"{found.model}, batch 1, {size[1]}x{size[0]}, {found.threads} threads", figures, ratios)


def video_result(size: tuple[int, int], repeats: int, device: str) -> Result:
    """Frames a second of a video's prediction from file to file, and of the network alone."""
    found = measure_video(repeats=repeats, network_size=size, device=device or None)
    figures = (
        Figure.of("network alone", "frames/s", found.network),
        Figure.of("whole prediction", "frames/s", found.whole),
    )
    video = f"{found.frames} frames of {found.size[1]}x{found.size[0]}"
    conditions = f"{video}, ResNet-18 at {size[1]}x{size[0]}, batch {found.batch}, {found.threads} threads"
    return Result("Video", conditions, figures, (Ratio("whole prediction over the network alone", found.ratio, 0.85),))
