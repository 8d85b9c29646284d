"""Every measurement by its name."""

from egodepth.benchmark.evaluation import measure_evaluation
from egodepth.benchmark.exchange import measure_exchange
from egodepth.benchmark.figures import Result
from egodepth.benchmark.hints import measure_hints
from egodepth.benchmark.inference import measure_inference
from egodepth.benchmark.loader import measure_loader
from egodepth.benchmark.step import measure_step
from egodepth.benchmark.video import measure_video
from egodepth.train import pick_device

EVERYTHING = ("step", "loader", "inference", "video", "evaluation", "exchange", "hints")


def measured(
    what: str,
    size: tuple[int, int],
    batch_size: int = 4,
    repeats: int = 5,
    images: int = 100,
    model: str = "",
    device_name: str = "",
) -> Result:
    """One measurement by its name, see `EVERYTHING`.

    Args:
        what: to measure.
        size: height and width that the network sees.
        batch_size: samples a step.
        repeats: how often; medians are reported.
        images: a repeat, of evaluation.
        model: a run or model folder, of inference; none: a ResNet-18 of random weights.
        device_name: empty: the GPU if there is one.
    """
    device = pick_device(device_name)
    if what == "step":
        return measure_step(size, batch_size, repeats, device)
    if what == "loader":
        return measure_loader(size, repeats, str(device))
    if what == "inference":
        return measure_inference(model or None, size, repeats)
    if what == "video":
        return measure_video(repeats=repeats, network_size=size, device=device_name or None)
    if what == "exchange":
        return measure_exchange(size, batch_size, repeats)
    if what == "hints":
        return measure_hints(size, repeats)
    return measure_evaluation(images, repeats)
