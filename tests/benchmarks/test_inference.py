from importlib.util import find_spec
from pathlib import Path

import pytest

from benchmarks.inference import REFERENCE, measure_inference
from egodepth.config import ModelConfig
from egodepth.weights import DepthModel, ModelCard

# Not by importing: OpenVINO would report that to its makers.
if not all(map(find_spec, ("onnx", "onnxruntime", "onnxscript", "openvino", "nncf"))):
    pytest.skip("the extra `export` is not installed", allow_module_level=True)


def test_every_way_is_timed_in_turn_and_compared_with_plain_torch(tmp_path: Path) -> None:
    network = ModelConfig(encoder="test_resnet")
    DepthModel(ModelCard(network=network, size=(64, 96), metric=False, has_pose_net=False)).save(tmp_path / "model")
    measured = measure_inference(tmp_path / "model", (64, 96), repeats=1)
    assert "model, batch 1, 96x64, " in measured.conditions
    ways = [figure.name for figure in measured.figures]
    assert ways[0] == REFERENCE
    assert {"torch float32, channels_last", "onnxruntime float32", "openvino float32", "openvino int8"} <= set(ways)
    for figure in measured.figures:
        assert 0 < figure.low <= figure.median <= figure.high
    median = {figure.name: figure.median for figure in measured.figures}
    for way, ratio in zip(("openvino float32", "openvino int8"), measured.ratios, strict=True):
        assert ratio.name == f"{way} over {REFERENCE}"
        assert ratio.value == pytest.approx(median[REFERENCE] / median[way])
