from importlib.util import find_spec
from pathlib import Path

import pytest

from egodepth.benchmark.inference import REFERENCE, measure_inference
from egodepth.config import ModelConfig
from egodepth.weights import DepthModel, ModelCard

# Not by importing: OpenVINO would report that to its makers.
if not all(map(find_spec, ("onnx", "onnxruntime", "onnxscript", "openvino", "nncf"))):
    pytest.skip("the extra `export` is not installed", allow_module_level=True)


def test_every_way_is_timed_in_turn_and_compared_with_plain_torch(tmp_path: Path) -> None:
    network = ModelConfig(encoder="test_resnet")
    DepthModel(ModelCard(network=network, size=(64, 96), metric=False, has_pose_net=False)).save(tmp_path / "model")
    measured = measure_inference(tmp_path / "model", (64, 96), repeats=2)
    assert measured.size == (64, 96)
    ways = [timing.way for timing in measured.timings]
    assert ways[0] == REFERENCE
    assert {"torch float32, channels_last", "onnxruntime float32", "openvino float32", "openvino int8"} <= set(ways)
    for timing in measured.timings:
        assert len(timing.milliseconds) == 2
        assert 0 < timing.fastest <= timing.median <= timing.slowest
        assert timing.speedup > 0
    assert measured.timings[0].speedup == 1
