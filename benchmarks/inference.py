"""Time of one image in every runtime and precision, measured in turns so that all share the machine's noise."""

import copy
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from jaxtyping import UInt8
from torch import nn

from benchmarks.figures import Figure, Ratio, Result
from egodepth.config import ModelConfig
from egodepth.inference.export.formats import write_onnx, write_openvino
from egodepth.inference.export.graph import DepthGraph
from egodepth.inference.export.quantise import quantise
from egodepth.networks import DepthNet
from egodepth.networks.plain import as_commonly_written
from egodepth.networks.precision import resolve_precision
from egodepth.weights import DepthModel, ModelCard, load_model
from egodepth.weights.exported.runtime import Run, open_file

REFERENCE = "torch float32, contiguous"
"""Baseline: eager PyTorch, with the network in torch's standard layers."""

_MARKS = {"openvino float32": 1.5, "openvino int8": 4.0}
"""Targets of the speed-up over the baseline."""
_WARM_UP = 3
_CALIBRATION_IMAGES = 8


def measure_inference(model: str | Path | None = None, size: tuple[int, int] = (192, 640), repeats: int = 15) -> Result:
    """Measure eager PyTorch, ONNX Runtime and OpenVINO in each precision, with one image of the network's size.

    The times of the last two include the conversion of 8-bit images and the conversion to depth, because these are in
    their graphs. int8 is calibrated on noise, which does not change the speed.

    Args:
        model: a run folder, a model folder or a hub id; None: a ResNet-18 with random weights.
        size: height and width.
        repeats: number of rounds, after three that are not counted.

    Raises:
        InputError: no such model, or a package of the extra `export` is missing.
    """
    depth_model = load_model(model) if model else _random_model(size)
    image = np.random.default_rng(0).integers(0, 256, (1, *size, 3), dtype=np.uint8)
    with TemporaryDirectory() as folder:
        ways = _torch_ways(depth_model.depth_net, image) | _exported_ways(depth_model, size, image, Path(folder))
        rounds = [{way: _milliseconds(run) for way, run in ways.items()} for _ in range(_WARM_UP + repeats)]
    rounds = rounds[_WARM_UP:]
    figures = tuple(Figure.of(way, "ms", [one[way] for one in rounds]) for way in ways)
    # The ratio is taken within each round, so that noise affects both values.
    speedups = {way: statistics.median(one[REFERENCE] / one[way] for one in rounds) for way in _MARKS}
    ratios = tuple(Ratio(f"{way} over {REFERENCE}", speedups[way], mark) for way, mark in _MARKS.items())
    conditions = f"{model or 'random resnet18'}, batch 1, {size[1]}x{size[0]}, {torch.get_num_threads()} threads"
    return Result("Inference", conditions, figures, ratios)


def _random_model(size: tuple[int, int]) -> DepthModel:
    network = ModelConfig(encoder="resnet18")
    return DepthModel(ModelCard(network=network, size=size, metric=False, has_pose_net=False)).eval()


def _torch_ways(network: DepthNet, image: UInt8[np.ndarray, "1 h w 3"]) -> dict[str, Callable[[], object]]:
    """Return the variants of the network in torch: standard layers, and our layers in channels_last."""
    batch = torch.from_numpy(image).permute(0, 3, 1, 2).contiguous().float() / 255
    plain = copy.deepcopy(network)
    as_commonly_written(plain)
    last = batch.to(memory_format=torch.channels_last)
    ours = copy.deepcopy(network).to(memory_format=torch.channels_last)  # pyright: ignore[reportCallIssue]
    ways: dict[str, Callable[[], object]] = {
        REFERENCE: torch.no_grad()(lambda: plain(batch)),
        "torch float32, channels_last": torch.inference_mode()(lambda: ours(last)),
    }
    if resolve_precision("auto", torch.device("cpu")) == "bfloat16":
        ways["torch bfloat16, channels_last"] = _in_bfloat16(ours, last)
    return ways


def _in_bfloat16(network: nn.Module, batch: torch.Tensor) -> Callable[[], object]:
    @torch.inference_mode()
    def run() -> object:
        with torch.autocast("cpu", torch.bfloat16):
            return network(batch)

    return run


def _exported_ways(
    model: DepthModel, size: tuple[int, int], image: UInt8[np.ndarray, "1 h w 3"], folder: Path
) -> dict[str, Callable[[], object]]:
    graph = DepthGraph(model, size)
    opened: dict[str, Run] = {"onnxruntime float32": open_file(write_onnx(graph, folder), "onnx", "float32")}
    (folder / "float").mkdir()
    (folder / "int8").mkdir()
    floating, integer = write_openvino(graph, folder / "float"), write_openvino(graph, folder / "int8")
    noise = np.random.default_rng(1).integers(0, 256, (_CALIBRATION_IMAGES, *size, 3), dtype=np.uint8)
    quantise(integer, list(noise), lambda one: one)
    opened["openvino float32"] = open_file(floating, "openvino", "float32")
    if resolve_precision("auto", torch.device("cpu")) == "bfloat16":
        opened["openvino bfloat16"] = open_file(floating, "openvino", "bfloat16")
    opened["openvino int8"] = open_file(integer, "openvino", "int8")
    return {way: lambda run=run: run(image) for way, run in opened.items()}


def _milliseconds(run: Callable[[], object]) -> float:
    began = time.perf_counter()
    run()
    return 1000 * (time.perf_counter() - began)
